// What a BPF object file (`mine.bpf.o`, as clang makes it) says of the sched_ext schedulers in it. The file
// is read only; nothing is loaded.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/introspection/types/btf.h"

namespace ktstr::vmm {

struct BpfObject {
  struct Variable {
    std::string name;
    std::uint32_t type = 0;  // of `types`
  };

  std::shared_ptr<const Btf> types;
  std::vector<std::string> schedulers;  // its variables of type sched_ext_ops, in their order; at least one
  std::vector<Variable> variables;      // its global ones that can be given a value before it is loaded

  /// Null when there is none of this name.
  [[nodiscard]] const Variable* FindVariable(std::string_view name) const;
};

/// Reads `bytes`, the whole file; any input is safe. Errors (kInput), one line each, with `shown` for the
/// file: "'x' is no BPF object: it is no ELF file", "...: it is built for x86-64", "'x' is a BPF object of
/// the other byte order; the guest is little-endian", "'x' is a damaged ELF file: ...", "'x' has no type
/// information (.BTF); compile it with -g", "'x' has no sched_ext_ops: ...".
Result<BpfObject> ReadBpfObject(std::span<const std::byte> bytes, std::string_view shown);

}  // namespace ktstr::vmm
