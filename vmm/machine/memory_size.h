// How much memory a guest needs when the author says `memory: auto`. Pure.
#pragma once

#include <cstdint>

namespace ktstr::vmm {

struct MemoryNeed {
  std::uint64_t init_bytes = 0;  // the guest-init image
  std::uint64_t file_bytes = 0;  // the files a scenario brings
  std::uint32_t cpus = 1;
  std::uint32_t numa_nodes = 1;
};

/// Guest memory in MiB, a multiple of 64:
///
///     max(256, kernel 96 + 3 * init + cpus * 16 + payloads 128) + files
///
/// 96 are the kernel's image and boot-time tables. While the guest's image is unpacked, archive and file
/// exist side by side: hence three times. 16 per CPU are its per-CPU areas, stacks, and four workers with
/// full sample reservoirs (2.4 MiB each). 128 is left for payloads, and holds up to 32 MiB of files; above
/// that, `files` is twice their size (they live in a tmpfs that may fill half of the memory), rounded up to
/// 256, so that the scenarios of a directory need few different machines. Never less than 64 for each NUMA
/// node; never more than 1 TiB.
std::uint32_t AutoMemoryMib(const MemoryNeed& need);

}  // namespace ktstr::vmm
