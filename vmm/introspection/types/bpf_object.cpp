#include "vmm/introspection/types/bpf_object.h"

#include <bpf/btf.h>
#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "vmm/host/byte_slice.h"
#include "vmm/host/elf_file.h"

namespace ktstr::vmm {
namespace {

using ObjectBytes = std::span<const std::byte>;

std::optional<Elf64_Shdr> SectionAt(ObjectBytes bytes, const Elf64_Ehdr& header, unsigned index) {
  const std::uint64_t offset = std::uint64_t{index} * sizeof(Elf64_Shdr);
  if (header.e_shoff > bytes.size()) return std::nullopt;
  return LoadAt<Elf64_Shdr>(bytes, header.e_shoff + offset);
}

std::string_view NameIn(ObjectBytes strings, std::uint32_t offset) {
  if (offset >= strings.size()) return {};
  const auto* text = reinterpret_cast<const char*>(strings.data()) + offset;
  return {text, ::strnlen(text, strings.size() - offset)};
}

/// The header, of a file that is an object of BPF code for the guest.
Result<Elf64_Ehdr> HeaderOf(ObjectBytes bytes, std::string_view shown) {
  const auto none = [&](std::string_view why) {
    return InputError(fmt::format("'{}' is no BPF object: {}", shown, why));
  };
  if (bytes.size() < SELFMAG || std::memcmp(bytes.data(), ELFMAG, SELFMAG) != 0)
    return none("it is no ELF file");
  const auto header = LoadAt<Elf64_Ehdr>(bytes, 0);
  if (!header) return InputError(fmt::format("'{}' is a damaged ELF file: it ends in its header", shown));
  const bool big_endian = header->e_ident[EI_DATA] == ELFDATA2MSB;
  const unsigned machine = big_endian ? __builtin_bswap16(header->e_machine) : header->e_machine;
  const unsigned elf_class = header->e_ident[EI_CLASS];
  if (machine != EM_BPF || elf_class != ELFCLASS64)
    return none(fmt::format("it is built for {}", ArchitectureName(machine, elf_class)));
  if (big_endian)
    return InputError(
        fmt::format("'{}' is a BPF object of the other byte order; the guest is little-endian", shown));
  if (header->e_type != ET_REL) return none("it is not what a compiler leaves (ELF type REL)");
  return *header;
}

/// The content of the section; empty when there is none.
Result<ObjectBytes> FindSection(ObjectBytes bytes, const Elf64_Ehdr& header, std::string_view name,
                                std::string_view shown) {
  const auto damaged = [&](std::string_view what) {
    return InputError(fmt::format("'{}' is a damaged ELF file: {}", shown, what));
  };
  const auto names = SectionAt(bytes, header, header.e_shstrndx);
  const auto strings = names ? SliceOf(bytes, names->sh_offset, names->sh_size) : std::nullopt;
  if (header.e_shentsize != sizeof(Elf64_Shdr) || !strings)
    return damaged("its section table is outside the file");
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    const auto section = SectionAt(bytes, header, i);
    if (!section) return damaged("its section table is outside the file");
    if (NameIn(*strings, section->sh_name) != name || section->sh_type == SHT_NOBITS) continue;
    const auto content = SliceOf(bytes, section->sh_offset, section->sh_size);
    if (!content) return damaged(fmt::format("its section {} reaches past its end", name));
    return *content;
  }
  return ObjectBytes{};
}

bool IsData(std::string_view section) {
  return section.starts_with(".rodata") || section.starts_with(".data") || section.starts_with(".bss");
}

/// The type that an author knows: `const volatile` only says where the variable lies.
std::uint32_t Unqualified(const Btf& types, std::uint32_t type) {
  while (btf_is_const(&types.Type(type)) || btf_is_volatile(&types.Type(type))) type = types.Type(type).type;
  return type;
}

/// A '?' in front: libbpf makes what is in it on demand only.
bool IsStructOps(std::string_view section) {
  if (section.starts_with('?')) section.remove_prefix(1);
  return section == ".struct_ops" || section == ".struct_ops.link";
}

/// Behind three underscores stands a flavour, as of a kernel version: libbpf leaves that out, too.
bool IsScheduler(std::string_view type) {
  return type == "sched_ext_ops" || type.starts_with("sched_ext_ops___");
}

}  // namespace

const BpfObject::Variable* BpfObject::FindVariable(std::string_view name) const {
  const auto found = std::find_if(variables.begin(), variables.end(),
                                  [&](const Variable& variable) { return variable.name == name; });
  return found == variables.end() ? nullptr : &*found;
}

Result<BpfObject> ReadBpfObject(std::span<const std::byte> bytes, std::string_view shown) {
  const Elf64_Ehdr header = TRY(HeaderOf(bytes, shown));
  const ObjectBytes btf = TRY(FindSection(bytes, header, ".BTF", shown));
  if (btf.empty())
    return InputError(fmt::format("'{}' has no type information (.BTF); compile it with -g", shown));
  auto types = Btf::Parse(btf);
  if (!types.ok()) return types.error().Within(fmt::format("the type information of '{}'", shown));
  BpfObject object{*types, {}, {}};
  for (std::uint32_t id = 1; id < btf__type_cnt(object.types->raw()); ++id) {
    const btf_type& section = object.types->Type(id);
    if (!btf_is_datasec(&section)) continue;
    const std::string_view name = object.types->Text(section.name_off);
    for (unsigned i = 0; i < btf_vlen(&section); ++i) {
      const btf_type& variable = object.types->Type(btf_var_secinfos(&section)[i].type);
      const std::string its(object.types->Text(variable.name_off));
      const std::uint32_t type = object.types->Resolve(variable.type);
      if (IsStructOps(name) && IsScheduler(object.types->Text(object.types->Type(type).name_off)))
        object.schedulers.push_back(its);
      if (IsData(name) && btf_var(&variable)->linkage == BTF_VAR_GLOBAL_ALLOCATED)
        object.variables.push_back({its, Unqualified(*object.types, variable.type)});
    }
  }
  if (object.schedulers.empty())
    return InputError(fmt::format(
        "'{}' has no sched_ext_ops: no variable of that type in a section .struct_ops or .struct_ops.link",
        shown));
  return object;
}

}  // namespace ktstr::vmm
