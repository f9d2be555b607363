#include "vmm/introspection/types/symbol_table.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "guest-init/base/typing_slips.h"
#include "vmm/host/host_file.h"

namespace ktstr::vmm {
namespace {

/// The lowest address that anything of a kernel image can have; what is below are per-CPU offsets and
/// constants.
constexpr std::uint64_t kLowestImage = 0xffffffff80000000;
constexpr std::size_t kMostText = std::size_t{256} << 20;

std::uint64_t HashName(std::string_view name) { return XXH3_64bits(name.data(), name.size()); }

bool IsGlobal(char type) { return std::isupper(static_cast<unsigned char>(type)) != 0; }

struct Line {
  std::uint64_t address = 0;
  char type = '?';
  std::string_view name;
  bool of_module = false;
};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// "ffffffff81000000 T _text", in a kallsyms perhaps followed by "\t[module]".
std::optional<Line> ParseLine(std::string_view text) {
  constexpr std::size_t kDigits = 16;
  if (text.size() < kDigits + 4 || text[kDigits] != ' ' || text[kDigits + 2] != ' ') return std::nullopt;
  Line line;
  for (std::size_t i = 0; i < kDigits; ++i) {
    const int digit = HexDigit(text[i]);
    if (digit < 0) return std::nullopt;
    line.address = line.address << 4 | static_cast<std::uint64_t>(digit);
  }
  line.type = text[kDigits + 1];
  line.name = text.substr(kDigits + 3);
  const std::size_t tab = line.name.find('\t');
  line.of_module = tab != std::string_view::npos;
  line.name = line.name.substr(0, tab);
  if (line.name.empty()) return std::nullopt;
  return line;
}

/// The letter nm would print, as far as it matters: text, data, read-only, bss or absolute.
char ElfType(const Elf64_Sym& symbol, std::span<const Elf64_Shdr> sections) {
  char type = 'd';
  if (symbol.st_shndx == SHN_ABS || symbol.st_shndx >= sections.size()) {
    type = 'a';
  } else {
    const Elf64_Shdr& section = sections[symbol.st_shndx];
    if ((section.sh_flags & SHF_EXECINSTR) != 0)
      type = 't';
    else if ((section.sh_flags & SHF_WRITE) == 0)
      type = 'r';
    else if (section.sh_type == SHT_NOBITS)
      type = 'b';
  }
  const bool global = ELF64_ST_BIND(symbol.st_info) != STB_LOCAL;
  return global ? static_cast<char>(std::toupper(type)) : type;
}

/// A file's bytes as an array of T; nullopt unless all of it is there.
template <typename T>
std::optional<std::vector<T>> ArrayAt(std::span<const std::byte> file, std::uint64_t offset,
                                      std::uint64_t count) {
  if (offset > file.size() || count > (file.size() - offset) / sizeof(T)) return std::nullopt;
  std::vector<T> array(count);
  if (count > 0) std::memcpy(array.data(), file.data() + offset, count * sizeof(T));
  return array;
}

}  // namespace

void SymbolTable::Add(std::uint64_t address, char type, std::string_view name) {
  sorted_.push_back({address, static_cast<std::uint32_t>(names_.size()),
                     static_cast<std::uint32_t>(name.size()), type, false});
  names_ += name;
}

/// Since Linux 6.15 per-CPU variables are linked among the others; before, from address 0 on. Either way the
/// kernel's own marks say where they begin and end, and what is kept is the offset from the first.
void SymbolTable::MarkPerCpu() {
  std::optional<std::uint64_t> begin;
  std::optional<std::uint64_t> end;
  for (const Entry& entry : sorted_) {
    if (NameOf(entry) == "__per_cpu_start") begin = entry.address;
    if (NameOf(entry) == "__per_cpu_end") end = entry.address;
  }
  if (!begin || !end) return;
  per_cpu_start_ = *begin;
  for (Entry& entry : sorted_) {
    const std::string_view name = NameOf(entry);
    if (name == "__per_cpu_start" || name == "__per_cpu_end" || name == "__per_cpu_load") continue;
    entry.per_cpu = entry.address >= *begin && entry.address < *end;
    if (entry.per_cpu) entry.address -= *begin;
  }
}

void SymbolTable::BuildIndex() {
  const auto by_address = [](const Entry& a, const Entry& b) { return a.address < b.address; };
  if (!std::is_sorted(sorted_.begin(), sorted_.end(), by_address))
    std::stable_sort(sorted_.begin(), sorted_.end(), by_address);
  std::size_t slots = 16;
  while (slots < sorted_.size() * 2) slots *= 2;
  by_name_.assign(slots, 0);
  for (std::uint32_t i = 0; i < sorted_.size(); ++i) {
    std::uint32_t& slot = by_name_[SlotOf(NameOf(sorted_[i]))];
    // In address order, so the first one stays unless a global one comes.
    if (slot == 0 || (IsGlobal(sorted_[i].type) && !IsGlobal(sorted_[slot - 1].type))) slot = i + 1;
  }
}

std::size_t SymbolTable::SlotOf(std::string_view name) const {
  std::size_t slot = HashName(name) & (by_name_.size() - 1);
  while (by_name_[slot] != 0 && NameOf(sorted_[by_name_[slot] - 1]) != name)
    slot = (slot + 1) & (by_name_.size() - 1);
  return slot;
}

Result<std::shared_ptr<const SymbolTable>> SymbolTable::FromText(std::string_view text,
                                                                 std::uint64_t runtime_text) {
  if (text.size() > kMostText) return InputError("the symbols are longer than 256 MiB");
  const std::uint64_t moved = runtime_text == 0 ? 0 : runtime_text - kLinkText;
  std::unique_ptr<SymbolTable> table(new SymbolTable);
  table->names_.reserve(text.size());
  table->sorted_.reserve(text.size() / 40);
  bool all_hidden = true;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto line = ParseLine(text.substr(0, end));
    if (!line) return InputError(fmt::format("line {} is not \"address type name\"", number));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line->of_module) continue;
    all_hidden = all_hidden && line->address == 0;
    table->Add(line->address >= kLowestImage ? line->address - moved : line->address, line->type, line->name);
  }
  if (all_hidden && !table->sorted_.empty())
    return InputError("all addresses are hidden (kernel.kptr_restrict)");
  table->MarkPerCpu();
  table->BuildIndex();
  const auto begin = table->Find("_text");
  if (!begin) return InputError("has no symbol _text");
  if (begin->address != kLinkText)
    return InputError(
        fmt::format("_text is at {:#x}, not at {:#x}", begin->address + moved, kLinkText + moved));
  return std::shared_ptr<const SymbolTable>(std::move(table));
}

Result<std::shared_ptr<const SymbolTable>> SymbolTable::FromElf(const std::filesystem::path& vmlinux) {
  const std::vector<std::byte> file = TRY(ReadHostFile(vmlinux));
  const auto corrupt = [&](std::string_view what) {
    return InputError(fmt::format("'{}': {}", vmlinux.string(), what));
  };
  const auto header = ArrayAt<Elf64_Ehdr>(file, 0, 1);
  if (!header || std::memcmp(header->front().e_ident, ELFMAG, SELFMAG) != 0)
    return corrupt("is not an ELF file");
  const Elf64_Ehdr& elf = header->front();
  if (elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_machine != EM_X86_64)
    return corrupt("is not built for x86-64");
  const auto sections =
      ArrayAt<Elf64_Shdr>(file, elf.e_shoff, elf.e_shentsize == sizeof(Elf64_Shdr) ? elf.e_shnum : 0);
  if (!sections) return corrupt("its section table is outside the file");
  const auto symtab = std::find_if(sections->begin(), sections->end(),
                                   [](const Elf64_Shdr& section) { return section.sh_type == SHT_SYMTAB; });
  if (symtab == sections->end() || symtab->sh_link >= sections->size()) return corrupt("has no symbol table");
  const Elf64_Shdr& names = (*sections)[symtab->sh_link];
  const auto symbols = ArrayAt<Elf64_Sym>(file, symtab->sh_offset, symtab->sh_size / sizeof(Elf64_Sym));
  if (!symbols || names.sh_offset > file.size() ||
      names.sh_size > std::min(file.size() - names.sh_offset, kMostText))
    return corrupt("its symbol table is outside the file");
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + names.sh_offset, names.sh_size);

  std::unique_ptr<SymbolTable> table(new SymbolTable);
  for (const Elf64_Sym& symbol : *symbols) {
    const auto kind = ELF64_ST_TYPE(symbol.st_info);
    if (symbol.st_shndx == SHN_UNDEF || kind == STT_FILE || kind == STT_SECTION) continue;
    if (symbol.st_name >= text.size()) continue;
    const std::string_view name =
        text.substr(symbol.st_name, text.find('\0', symbol.st_name) - symbol.st_name);
    if (!name.empty()) table->Add(symbol.st_value, ElfType(symbol, *sections), name);
    if (table->names_.size() > kMostText) return corrupt("its names are longer than 256 MiB");
  }
  table->MarkPerCpu();
  table->BuildIndex();
  if (!table->Find("_text")) return corrupt("has no symbol _text");
  return std::shared_ptr<const SymbolTable>(std::move(table));
}

std::optional<Symbol> SymbolTable::Find(std::string_view name) const {
  const std::uint32_t found = by_name_[SlotOf(name)];
  if (found == 0) return std::nullopt;
  const Entry& entry = sorted_[found - 1];
  return Symbol{entry.address, entry.per_cpu, entry.type};
}

std::optional<SymbolTable::Place> SymbolTable::Covering(std::uint64_t link_address,
                                                        std::uint64_t max_distance) const {
  if (link_address < kLowestImage) return std::nullopt;
  auto at =
      std::upper_bound(sorted_.begin(), sorted_.end(), link_address,
                       [](std::uint64_t address, const Entry& entry) { return address < entry.address; });
  if (at == sorted_.begin()) return std::nullopt;
  --at;
  if (link_address - at->address > max_distance || at->address < kLowestImage) return std::nullopt;
  // Of several at one address the first global one says most.
  for (auto same = at; same->address == at->address; --same) {
    if (IsGlobal(same->type) || !IsGlobal(at->type)) at = same;
    if (same == sorted_.begin()) break;
  }
  return Place{NameOf(*at), link_address - at->address};
}

std::vector<std::string_view> SymbolTable::Similar(std::string_view name) const {
  constexpr std::size_t kMost = 3;
  const std::size_t limit = std::max<std::size_t>(1, std::min<std::size_t>(name.size() / 4, 3));
  std::vector<std::pair<std::size_t, std::string_view>> found;
  TypingSlips typing;
  for (const Entry& entry : sorted_) {
    const std::string_view other = NameOf(entry);
    const std::size_t distance = typing.Count(name, other, limit);
    if (distance <= limit) found.emplace_back(distance, other);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < std::min(found.size(), kMost); ++i) names.push_back(found[i].second);
  return names;
}

}  // namespace ktstr::vmm
