#include "vmm/boot_deadline.h"

namespace ktstr::vmm {

std::chrono::seconds BootDeadline(const MachineConfig& config) {
  const std::chrono::seconds::rep cpus = CpuCount(config.topology);
  const std::chrono::seconds::rep gib = (std::chrono::seconds::rep{config.memory_mib} + 1023) / 1024;
  if (config.accel == Accel::kKvm) return std::chrono::seconds(20 + cpus / 8 + gib / 8);
  const std::chrono::seconds wall(60 + cpus + cpus * cpus / 100 + gib);
  return config.clock == Clock::kVirtual ? 4 * wall : wall;
}

}  // namespace ktstr::vmm
