// The smallest BPF object files that a reader of them can be shown.
#pragma once

#include <elf.h>

#include <cstring>
#include <string>
#include <vector>

#include "test/unit/vmm/introspection/types/btf_blob.h"

namespace ktstr::vmm::test {

struct BpfObjectSketch {
  std::vector<const char*> schedulers = {"mine_ops"};
  const char* section = ".struct_ops.link";  // that they are in
  const char* scheduler_type = "sched_ext_ops";
  bool has_types = true;
  unsigned short machine = EM_BPF;
  unsigned short type = ET_REL;
  unsigned char data = ELFDATA2LSB;
};

/// The types of an object with the variables slice_ns (u64) and name (char[16]) in .rodata, cfg (struct
/// config, with a u32 `level`) in .data and a static one beside them.
inline std::vector<std::byte> BpfObjectTypes(const BpfObjectSketch& sketch) {
  BtfBlob blob;
  const int u64 = blob.Typedef("u64", blob.Int("long long unsigned int", 8));
  const int u32 = blob.Int("unsigned int", 4);
  const int text = blob.Array(blob.Int("char", 1, BTF_INT_SIGNED), 16);
  const int config = blob.Struct("config", 8, {{"level", u32, 32}});
  const int ops = blob.Struct(sketch.scheduler_type, 8, {{"flags", u64, 0}});
  std::vector<BtfBlob::Place> places;
  for (const char* name : sketch.schedulers) places.push_back({blob.Var(name, ops), 0, 8});
  // What it calls of the kernel, as in every object that clang makes of a scheduler.
  blob.Section(".ksyms", 0, {{blob.Func("scx_bpf_dispatch", blob.FuncProto(0)), 0, 0}});
  blob.Section(sketch.section, 8 * static_cast<std::uint32_t>(places.size()), places);
  blob.Section(
      ".rodata", 24,
      {{blob.Var("slice_ns", blob.Const(blob.Volatile(u64))), 0, 8}, {blob.Var("name", text), 8, 16}});
  const int hidden = blob.Var("hidden", u32);
  blob.Raw(hidden)[3] = BTF_VAR_STATIC;
  blob.Section(".data", 12, {{blob.Var("cfg", config), 0, 8}, {hidden, 8, 4}});
  return blob.Bytes();
}

/// The file: a header, .BTF, the names of the two sections, the table of sections.
inline std::string BuildBpfObject(const BpfObjectSketch& sketch = {}) {
  const std::vector<std::byte> types = BpfObjectTypes(sketch);
  const std::string names = std::string("\0.BTF\0.shstrtab\0", 16);
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = sketch.data;
  const auto in_order = [&](unsigned short word) {
    return sketch.data == ELFDATA2MSB ? __builtin_bswap16(word) : word;
  };
  header.e_machine = in_order(sketch.machine);
  header.e_type = in_order(sketch.type);
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  header.e_shstrndx = 2;
  Elf64_Shdr sections[3] = {};
  sections[1].sh_name = sketch.has_types ? 1 : 0;
  sections[1].sh_type = SHT_PROGBITS;
  sections[1].sh_offset = sizeof header;
  sections[1].sh_size = types.size();
  sections[2].sh_name = 6;
  sections[2].sh_type = SHT_STRTAB;
  sections[2].sh_offset = sizeof header + types.size();
  sections[2].sh_size = names.size();
  header.e_shoff = sections[2].sh_offset + names.size();
  std::string file(reinterpret_cast<const char*>(&header), sizeof header);
  file.append(reinterpret_cast<const char*>(types.data()), types.size());
  file += names;
  file.append(reinterpret_cast<const char*>(sections), sizeof sections);
  return file;
}

}  // namespace ktstr::vmm::test
