// How much memory a guest needs when the author says `memory: auto`. Pure.
#pragma once

#include <cstdint>

namespace ktstr::vmm {

struct MemoryNeed {
  std::uint64_t initramfs_bytes = 0;   // unpacked: the sum of the files' sizes
  std::uint64_t compressed_bytes = 0;  // the archive as QEMU loads it
  std::uint32_t cpus = 1;
  std::uint32_t numa_nodes = 1;
};

/// Guest memory in MiB, a multiple of 64:
///
///     max(256, kernel 96 + compressed + 2 * unpacked + cpus * 16 + 128)
///
/// 96 are the kernel's image and boot-time tables. While it unpacks, archive and files exist side by side,
/// and the files live in a tmpfs that may fill half of the memory: hence twice. 16 per CPU are its per-CPU
/// areas, stacks, and four workers with full sample reservoirs (2.4 MiB each). 128 is left for payloads.
/// Never less than 64 for each NUMA node; never more than 1 TiB.
std::uint32_t AutoMemoryMib(const MemoryNeed& need);

}  // namespace ktstr::vmm
