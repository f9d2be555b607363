#include "vmm/host/elf_file.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>

#include "vmm/host/byte_slice.h"

namespace ktstr::vmm {
namespace {

using Bytes = std::span<const std::byte>;

// No real path is longer (PATH_MAX) and no real program needs more libraries; without the two bounds a small
// hostile file could name one huge string a million times over.
constexpr std::size_t kMaxString = 4096;
constexpr std::size_t kMaxNeeded = 1024;

/// The NUL-terminated string at the start of `bytes`; nothing when no NUL follows within kMaxString.
std::optional<std::string> LoadString(Bytes bytes) {
  bytes = bytes.first(std::min(bytes.size(), kMaxString));
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  const std::size_t length = bytes.empty() ? 0 : ::strnlen(text, bytes.size());
  if (length == bytes.size()) return std::nullopt;
  return std::string(text, length);
}

ElfReading Corrupt(std::string detail) { return {ElfFault::kCorrupt, std::move(detail), {}}; }

/// The program headers of one file and what is found through them.
class Reader {
 public:
  Reader(Bytes bytes, const Elf64_Ehdr& header) : bytes_(bytes), header_(header) {}

  ElfReading Read() {
    if (header_.e_phentsize != sizeof(Elf64_Phdr)) return Corrupt("its program headers have the wrong size");
    ElfReading reading;
    std::optional<Elf64_Phdr> dynamic;
    for (unsigned i = 0; i < header_.e_phnum; ++i) {
      const auto segment = Segment(i);
      if (!segment) return Corrupt("its program headers reach past its end");
      if (segment->p_type == PT_INTERP) {
        const auto content = SliceOf(bytes_, segment->p_offset, segment->p_filesz);
        const auto text = content ? LoadString(*content) : std::nullopt;
        if (!text || text->empty()) return Corrupt("the name of its loader is damaged");
        reading.needs.interpreter = *text;
      } else if (segment->p_type == PT_LOAD) {
        if (!SliceOf(bytes_, segment->p_offset, segment->p_filesz))
          return Corrupt("a segment reaches past its end");
      } else if (segment->p_type == PT_DYNAMIC) {
        dynamic = segment;
      }
    }
    if (dynamic) return ReadDynamic(*dynamic, std::move(reading));
    return reading;
  }

 private:
  [[nodiscard]] std::optional<Elf64_Phdr> Segment(unsigned index) const {
    // At most 2^16 entries of 56 bytes: the product cannot overflow, the sum is checked.
    const std::uint64_t offset = std::uint64_t{index} * sizeof(Elf64_Phdr);
    if (header_.e_phoff > bytes_.size()) return std::nullopt;
    return LoadAt<Elf64_Phdr>(bytes_, header_.e_phoff + offset);
  }

  /// The file's bytes from the virtual address on to the end of its segment.
  [[nodiscard]] std::optional<Bytes> AtAddress(std::uint64_t address) const {
    for (unsigned i = 0; i < header_.e_phnum; ++i) {
      const auto segment = Segment(i);
      if (!segment || segment->p_type != PT_LOAD || address < segment->p_vaddr) continue;
      const std::uint64_t skip = address - segment->p_vaddr;
      if (skip >= segment->p_filesz) continue;
      const auto content = SliceOf(bytes_, segment->p_offset, segment->p_filesz);
      if (content) return content->subspan(skip);
    }
    return std::nullopt;
  }

  ElfReading ReadDynamic(const Elf64_Phdr& dynamic, ElfReading reading) const {
    const auto table = SliceOf(bytes_, dynamic.p_offset, dynamic.p_filesz);
    if (!table) return Corrupt("its dynamic section reaches past its end");
    std::vector<std::uint64_t> needed;
    std::optional<std::uint64_t> strings_address, strings_size, rpath, runpath;
    for (std::uint64_t at = 0;; at += sizeof(Elf64_Dyn)) {
      const auto entry = LoadAt<Elf64_Dyn>(*table, at);
      if (!entry || entry->d_tag == DT_NULL) break;
      if (entry->d_tag == DT_NEEDED) needed.push_back(entry->d_un.d_val);
      if (entry->d_tag == DT_STRTAB) strings_address = entry->d_un.d_ptr;
      if (entry->d_tag == DT_STRSZ) strings_size = entry->d_un.d_val;
      if (entry->d_tag == DT_RPATH) rpath = entry->d_un.d_val;
      if (entry->d_tag == DT_RUNPATH) runpath = entry->d_un.d_val;
    }
    if (needed.empty()) return reading;
    if (needed.size() > kMaxNeeded) return Corrupt("it needs more than 1024 libraries");
    const auto from_start = strings_address ? AtAddress(*strings_address) : std::nullopt;
    const auto strings = from_start && strings_size ? SliceOf(*from_start, 0, *strings_size) : std::nullopt;
    if (!strings) return Corrupt("its dynamic string table is outside the file");
    const auto string_at = [&](std::uint64_t offset) {
      return offset < strings->size() ? LoadString(strings->subspan(offset)) : std::nullopt;
    };
    for (const std::uint64_t offset : needed) {
      const auto name = string_at(offset);
      if (!name || name->empty()) return Corrupt("the name of a needed library is damaged");
      reading.needs.needed.push_back(*name);
    }
    const auto rpath_text = rpath ? string_at(*rpath) : std::string();
    const auto runpath_text = runpath ? string_at(*runpath) : std::string();
    if (!rpath_text || !runpath_text) return Corrupt("its library search path is damaged");
    reading.needs.rpath = *rpath_text;
    reading.needs.runpath = *runpath_text;
    return reading;
  }

  Bytes bytes_;
  Elf64_Ehdr header_;
};

}  // namespace

std::string ArchitectureName(unsigned machine, unsigned elf_class) {
  switch (machine) {
    case EM_X86_64:
      return elf_class == ELFCLASS32 ? "x32" : "x86-64";
    case EM_386:
      return "32-bit x86";
    case EM_AARCH64:
      return "AArch64";
    case EM_ARM:
      return "32-bit Arm";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "64-bit PowerPC";
    case EM_S390:
      return "s390";
    case EM_LOONGARCH:
      return "LoongArch";
    case EM_BPF:
      return "BPF";
    default:
      return fmt::format("ELF machine {}", machine);
  }
}

ElfReading ReadElf(std::span<const std::byte> bytes) {
  if (bytes.size() < SELFMAG || std::memcmp(bytes.data(), ELFMAG, SELFMAG) != 0) {
    return {ElfFault::kNotElf, {}, {}};
  }
  // The machine field is at the same place in both word sizes; read it before trusting the rest.
  const auto machine = LoadAt<std::uint16_t>(bytes, offsetof(Elf64_Ehdr, e_machine));
  if (!machine) return Corrupt("it ends inside the ELF header");
  const auto elf_class = std::to_integer<unsigned>(bytes[EI_CLASS]);
  const bool big_endian = std::to_integer<unsigned>(bytes[EI_DATA]) == ELFDATA2MSB;
  const unsigned in_file_order = big_endian ? __builtin_bswap16(*machine) : *machine;
  if (in_file_order != EM_X86_64 || elf_class != ELFCLASS64 || big_endian) {
    std::string name = ArchitectureName(in_file_order, elf_class);
    if (in_file_order == EM_X86_64 && elf_class == ELFCLASS64) name += " with the wrong byte order";
    return {ElfFault::kOtherArchitecture, std::move(name), {}};
  }
  const auto header = LoadAt<Elf64_Ehdr>(bytes, 0);
  if (!header) return Corrupt("it ends inside the ELF header");
  if (header->e_type != ET_EXEC && header->e_type != ET_DYN) return {ElfFault::kNotLoadable, {}, {}};
  return Reader(bytes, *header).Read();
}

Error ElfError(const ElfReading& reading, std::string_view name) {
  switch (reading.fault) {
    case ElfFault::kOtherArchitecture:
      return {ErrorKind::kInput,
              fmt::format("'{}' is built for {}; the guest is x86-64", name, reading.detail)};
    case ElfFault::kNotLoadable:
      return {ErrorKind::kInput, fmt::format("'{}' is an ELF object file or core dump, not a program", name)};
    case ElfFault::kCorrupt:
      return {ErrorKind::kInput, fmt::format("'{}' is a damaged ELF file: {}", name, reading.detail)};
    case ElfFault::kNotElf:
    case ElfFault::kNone:
      break;
  }
  return {ErrorKind::kInput,
          fmt::format("'{}' is neither an ELF program nor a script that starts with #!", name)};
}

}  // namespace ktstr::vmm
