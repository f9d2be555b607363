// The smallest ELF files that have what the loader looks at, made to order.
#pragma once

#include <elf.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace ktstr::vmm {

struct ElfSketch {
  std::vector<std::string> needed = {};
  std::string interpreter = {};
  std::string rpath = {};
  std::string runpath = {};
  unsigned short machine = EM_X86_64;
  unsigned short type = ET_DYN;
};

/// One PT_LOAD that maps the whole file at 0x1000, so addresses and offsets differ; then PT_INTERP and
/// PT_DYNAMIC when they have something to say.
inline std::string BuildElf(const ElfSketch& sketch) {
  constexpr Elf64_Addr kBase = 0x1000;
  std::string strings(1, '\0');
  const auto add_string = [&](const std::string& text) {
    const std::size_t at = strings.size();
    strings += text + '\0';
    return at;
  };
  std::vector<Elf64_Dyn> dynamic;
  const auto add_entry = [&](Elf64_Sxword tag, Elf64_Xword value) {
    Elf64_Dyn entry{};
    entry.d_tag = tag;
    entry.d_un.d_val = value;
    dynamic.push_back(entry);
  };
  for (const std::string& name : sketch.needed) add_entry(DT_NEEDED, add_string(name));
  if (!sketch.rpath.empty()) add_entry(DT_RPATH, add_string(sketch.rpath));
  if (!sketch.runpath.empty()) add_entry(DT_RUNPATH, add_string(sketch.runpath));

  const std::size_t headers = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr);
  const std::size_t interpreter_at = headers;
  const std::size_t strings_at = interpreter_at + sketch.interpreter.size() + 1;
  const std::size_t dynamic_at = (strings_at + strings.size() + 7) & ~std::size_t{7};
  add_entry(DT_STRTAB, kBase + strings_at);
  add_entry(DT_STRSZ, strings.size());
  add_entry(DT_NULL, 0);
  const std::size_t dynamic_size = dynamic.size() * sizeof(Elf64_Dyn);

  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = sketch.type;
  header.e_machine = sketch.machine;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 3;
  Elf64_Phdr load{}, interpreter{}, dynamic_segment{};
  load.p_type = PT_LOAD;
  load.p_vaddr = kBase;
  load.p_filesz = dynamic_at + dynamic_size;
  interpreter.p_type = sketch.interpreter.empty() ? PT_NULL : PT_INTERP;
  interpreter.p_offset = interpreter_at;
  interpreter.p_filesz = sketch.interpreter.size() + 1;
  dynamic_segment.p_type = PT_DYNAMIC;
  dynamic_segment.p_offset = dynamic_at;
  dynamic_segment.p_filesz = dynamic_size;

  std::string file(dynamic_at + dynamic_size, '\0');
  std::memcpy(file.data(), &header, sizeof header);
  const Elf64_Phdr segments[3] = {load, interpreter, dynamic_segment};
  std::memcpy(file.data() + sizeof header, segments, sizeof segments);
  file.replace(interpreter_at, sketch.interpreter.size(), sketch.interpreter);
  file.replace(strings_at, strings.size(), strings);
  std::memcpy(file.data() + dynamic_at, dynamic.data(), dynamic_size);
  return file;
}

}  // namespace ktstr::vmm
