#include "vmm/boot_deadline.h"

namespace ktstr::vmm {

// Measured on 2 cores, QEMU 7.2, TCG, automatic memory: seconds to ready / MiB of guest memory touched.
//   CPUs                      32         64        128        192 (4 nodes)   240
//   Debian's 6.12 cloud       3.9/141    6.4/185   25/259     24/426          44 to 78/480
//   ours, host less calm      2.9/82     5.3/117   17-22/183  52-75/318       262/374, overloaded longer than
//   390 virtual clock, Debian's   8.8/144    54/182    not within 316
// Ours ticks at 1000 Hz, Debian's at 250: with this many CPUs in one thread the ticks are most of the work.

std::chrono::seconds BootDeadline(const MachineConfig& config) {
  const std::chrono::seconds::rep cpus = CpuCount(config.topology);
  const std::chrono::seconds::rep gib = (std::chrono::seconds::rep{config.memory_mib} + 1023) / 1024;
  if (config.accel == Accel::kKvm) return std::chrono::seconds(20 + cpus / 8 + gib / 8);
  const std::chrono::seconds wall(60 + cpus + cpus * cpus / 100 + gib);
  return config.clock == Clock::kVirtual ? 4 * wall : wall;
}

}  // namespace ktstr::vmm
