// Global variables of the BPF programs that are loaded in a guest: libbpf keeps them in maps of one element,
// whose type information names them.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "guest-init/base/result.h"
#include "vmm/introspection/memory/kernel_memory.h"

namespace ktstr::vmm {

struct BpfGlobal {
  std::uint64_t address = 0;  // runtime, virtual
  std::uint32_t type = 0;     // of `types`
  std::shared_ptr<const Btf> types;
  /// The verifier has built its value into the code: a write would change nothing.
  bool constant = false;
};

/// The variable, among the maps of this name ("ktstr_sc.bss"; its first 15 characters count), or all when it
/// is "". The guest may run meanwhile: what is then freed on the way is an error or is passed over. Errors
/// (kInput): "no BPF map has a variable 'x'; there are: a, b", "several BPF maps have a variable 'x': ...;
/// say which with `map:`"; (kGuest) the kernel's table of maps cannot be read.
Result<BpfGlobal> FindBpfGlobal(const KernelView& view, std::string_view map, std::string_view variable);

}  // namespace ktstr::vmm
