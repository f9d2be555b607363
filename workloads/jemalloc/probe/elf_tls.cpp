#include "workloads/jemalloc/probe/elf_tls.h"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

namespace ktstr::jemalloc {
namespace {

/// With and without the prefixes that jemalloc is built with.
constexpr std::array<std::string_view, 3> kTsdNames = {"je_tsd_tls", "tsd_tls", "_rjem_je_tsd_tls"};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  Result<ElfTls> Read() {
    if (!Get(0, header_) || std::memcmp(header_.e_ident, ELFMAG, SELFMAG) != 0 ||
        header_.e_ident[EI_CLASS] != ELFCLASS64 || header_.e_machine != EM_X86_64)
      return InputError("not an x86-64 ELF file");
    if (!Segments() || !Sections()) return InputError("a damaged ELF file");
    return std::move(found_);
  }

 private:
  template <typename T>
  bool Get(std::uint64_t offset, T& value) const {
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T)) return false;
    std::memcpy(&value, bytes_.data() + offset, sizeof(T));
    return true;
  }

  bool Segments() {
    bool loaded = false;
    const auto page = ~(static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) - 1);
    for (unsigned i = 0; i < header_.e_phnum; ++i) {
      Elf64_Phdr segment;
      if (!Get(header_.e_phoff + std::uint64_t{i} * sizeof segment, segment)) return false;
      if (segment.p_type == PT_LOAD && !std::exchange(loaded, true)) {
        found_.first_page = segment.p_vaddr & page;
        found_.first_offset = segment.p_offset & page;
      }
      if (segment.p_type != PT_TLS) continue;
      const std::uint64_t align = std::max<std::uint64_t>(segment.p_align, 1);
      if ((align & (align - 1)) != 0) return false;
      found_.segment = TlsSegment{segment.p_vaddr, segment.p_memsz, align};
    }
    return true;
  }

  bool Sections() {
    for (unsigned i = 0; i < header_.e_shnum; ++i) {
      Elf64_Shdr section;
      if (!Section(i, section)) return false;
      const bool fine = section.sh_type == SHT_SYMTAB   ? Symbols(section, false)
                        : section.sh_type == SHT_DYNSYM ? Symbols(section, true)
                        : section.sh_type == SHT_RELA   ? Relocations(section)
                                                        : true;
      if (!fine) return false;
    }
    found_.exports_mallctl = exported_mallctl_ && exported_mallocx_;
    return true;
  }

  bool Section(unsigned index, Elf64_Shdr& section) const {
    return index < header_.e_shnum && Get(header_.e_shoff + std::uint64_t{index} * sizeof section, section) &&
           (section.sh_type == SHT_NOBITS ||
            (section.sh_offset <= bytes_.size() && section.sh_size <= bytes_.size() - section.sh_offset));
  }

  std::string_view Text(const Elf64_Shdr& strings, std::uint32_t at) const {
    if (at >= strings.sh_size) return {};
    const char* const begin = reinterpret_cast<const char*>(bytes_.data() + strings.sh_offset + at);
    return {begin, strnlen(begin, strings.sh_size - at)};
  }

  bool Symbols(const Elf64_Shdr& section, bool exported) {
    Elf64_Shdr strings;
    if (!Section(section.sh_link, strings) || strings.sh_type != SHT_STRTAB) return false;
    for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= section.sh_size; at += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol;
      if (!Get(section.sh_offset + at, symbol)) return false;
      if (symbol.st_shndx == SHN_UNDEF) continue;
      const std::string_view name = Text(strings, symbol.st_name);
      if (exported) {
        exported_mallctl_ = exported_mallctl_ || name == "mallctl";
        exported_mallocx_ = exported_mallocx_ || name == "mallocx";
      }
      if (!exported && ELF64_ST_TYPE(symbol.st_info) == STT_TLS &&
          std::find(kTsdNames.begin(), kTsdNames.end(), name) != kTsdNames.end())
        found_.tsd = TsdSymbol{symbol.st_value, symbol.st_size};
    }
    return true;
  }

  /// Those without a symbol are of the file's own block.
  bool Relocations(const Elf64_Shdr& section) {
    for (std::uint64_t at = 0; at + sizeof(Elf64_Rela) <= section.sh_size; at += sizeof(Elf64_Rela)) {
      Elf64_Rela rela;
      if (!Get(section.sh_offset + at, rela)) return false;
      if (ELF64_R_SYM(rela.r_info) != 0) continue;
      const auto type = ELF64_R_TYPE(rela.r_info);
      if (type == R_X86_64_TPOFF64)
        found_.relocations.push_back({TlsRelocation::Kind::kThreadPointerOffset, rela.r_offset,
                                      static_cast<std::uint64_t>(rela.r_addend)});
      if (type == R_X86_64_DTPMOD64)
        found_.relocations.push_back({TlsRelocation::Kind::kModule, rela.r_offset, 0});
    }
    return true;
  }

  std::span<const std::byte> bytes_;
  Elf64_Ehdr header_ = {};
  ElfTls found_;
  bool exported_mallctl_ = false;
  bool exported_mallocx_ = false;
};

}  // namespace

Result<ElfTls> ReadElfTls(std::span<const std::byte> bytes) { return Reader(bytes).Read(); }

bool Holds(std::span<const std::byte> bytes, std::string_view text) {
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return all.find(text) != std::string_view::npos;
}

}  // namespace ktstr::jemalloc
