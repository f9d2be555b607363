#include "vmm/machine/memory_size.h"

#include <algorithm>

#include "vmm/machine/qemu_args.h"

namespace ktstr::vmm {
namespace {

constexpr std::uint64_t kMib = 1 << 20;
constexpr std::uint64_t kKernelMib = 96;
constexpr std::uint64_t kPerCpuMib = 16;
constexpr std::uint64_t kPayloadMib = 128;
constexpr std::uint64_t kLeastMib = 256;
constexpr std::uint64_t kMostMib = 1 << 20;
constexpr std::uint64_t kStepMib = 64;
constexpr std::uint64_t kFilesInPayloadMib = 32;
constexpr std::uint64_t kFileStepMib = 256;

std::uint64_t CeilMib(std::uint64_t bytes) { return bytes / kMib + (bytes % kMib != 0 ? 1 : 0); }
std::uint64_t RoundUp(std::uint64_t value, std::uint64_t step) { return (value + step - 1) / step * step; }

}  // namespace

std::uint32_t AutoMemoryMib(const MemoryNeed& need) {
  std::uint64_t mib =
      kKernelMib + 3 * CeilMib(need.init_bytes) + std::uint64_t{need.cpus} * kPerCpuMib + kPayloadMib;
  mib = std::max({mib, kLeastMib, std::uint64_t{need.numa_nodes} * kMinNodeMib});
  mib = RoundUp(mib, kStepMib);
  const std::uint64_t files = CeilMib(need.file_bytes);
  if (files > kFilesInPayloadMib) mib += RoundUp(2 * files, kFileStepMib);
  return static_cast<std::uint32_t>(std::min(mib, kMostMib));
}

}  // namespace ktstr::vmm
