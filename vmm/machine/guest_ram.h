// The files that a guest's memory lives in: anonymous ones while a machine boots, saved ones behind its
// clones.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"
#include "vmm/machine/machine_config.h"

namespace ktstr::vmm {

/// What a machine is made of beside its configuration.
struct MachineFiles {
  /// One file per NUMA node, each exactly NodeMib() long. QEMU opens them anew, through /proc.
  std::vector<Fd> ram;
  /// The device state a clone continues from; QEMU reads `ram` then without ever writing to it. Invalid: the
  /// machine boots, and `ram` holds what the guest writes.
  Fd state;
  /// The file behind the disk. Machine::Launch() makes it: each machine has its own, clones too.
  Fd disk;
};

/// The memory of one NUMA node in MiB.
std::uint32_t NodeMib(const MachineConfig& config, std::uint32_t node);

/// Empty anonymous files for a machine to boot in. Error (kEnvironment): none can be made.
Result<MachineFiles> MakeBootFiles(const MachineConfig& config);

/// A hash over a file's size, its non-zero pages and where they are, so that it does not change with how the
/// file system stores holes. Error (kEnvironment): it cannot be read.
Result<std::uint64_t> HashPages(int file);

/// Makes `to`, an empty file, as long as `from` and copies the pages that are not zero. Returns HashPages of
/// both. Error (kEnvironment): "writing: No space left on device" and the like.
Result<std::uint64_t> CopyPages(int from, int to);

}  // namespace ktstr::vmm
