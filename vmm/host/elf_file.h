// What the dynamic loader will want of one ELF file, read from untrusted bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"

namespace ktstr::vmm {

/// The loader-relevant part of a 64-bit x86 program or shared library. Strings are as they are in the file,
/// tokens such as $ORIGIN unexpanded.
struct ElfNeeds {
  std::string interpreter;          // PT_INTERP, empty for a static program or a library
  std::vector<std::string> needed;  // DT_NEEDED, in file order
  std::string rpath;                // DT_RPATH, colon-separated
  std::string runpath;              // DT_RUNPATH; when set, the loader ignores DT_RPATH
};

/// Why a file is not something the guest can load.
enum class ElfFault {
  kNone,
  kNotElf,             // no ELF magic
  kOtherArchitecture,  // ELF for another machine or another word size
  kNotLoadable,        // ELF, but an object file or a core dump
  kCorrupt,            // truncated, or an offset points outside the file
};

struct ElfReading {
  ElfFault fault = ElfFault::kNone;
  std::string detail;  // the architecture's name, or what is corrupt; empty for the others
  ElfNeeds needs;      // valid when fault is kNone
};

/// How messages call what a file is built for: `machine` is e_machine in the host's byte order, `elf_class`
/// e_ident[EI_CLASS].
std::string ArchitectureName(unsigned machine, unsigned elf_class);

/// Reads `bytes`, the whole file. Any input is safe; every offset in it is checked. Pure.
ElfReading ReadElf(std::span<const std::byte> bytes);

/// The fault as a user error (kInput) about `name`, e.g. "'x' is built for AArch64; the guest is x86-64".
/// REQUIRES: reading.fault is not kNone.
Error ElfError(const ElfReading& reading, std::string_view name);

}  // namespace ktstr::vmm
