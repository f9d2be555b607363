#include "vmm/memory_size.h"

#include <algorithm>

#include "vmm/qemu_args.h"

namespace ktstr::vmm {
namespace {

constexpr std::uint64_t kMib = 1 << 20;
constexpr std::uint64_t kKernelMib = 96;
constexpr std::uint64_t kPerCpuMib = 16;
constexpr std::uint64_t kPayloadMib = 128;
constexpr std::uint64_t kLeastMib = 256;
constexpr std::uint64_t kMostMib = 1 << 20;
constexpr std::uint64_t kStepMib = 64;

std::uint64_t CeilMib(std::uint64_t bytes) { return bytes / kMib + (bytes % kMib != 0 ? 1 : 0); }

}  // namespace

std::uint32_t AutoMemoryMib(const MemoryNeed& need) {
  std::uint64_t mib = kKernelMib + CeilMib(need.compressed_bytes) + 2 * CeilMib(need.initramfs_bytes) +
                      need.cpus * kPerCpuMib + kPayloadMib;
  mib = std::max({mib, kLeastMib, std::uint64_t{need.numa_nodes} * kMinNodeMib});
  return static_cast<std::uint32_t>(std::min((mib + kStepMib - 1) / kStepMib * kStepMib, kMostMib));
}

}  // namespace ktstr::vmm
