#include "vmm/machine/boot_deadline.h"

namespace ktstr::vmm {

// Measured on 2 cores, QEMU 7.2, TCG, automatic memory: seconds to ready / MiB of guest memory touched. The
// host had other work to do now and then, so the figures vary.
//
//   CPUs   Debian's 6.12 cloud   the same, virtual clock   6.12.117-ktstr
//     32   3.9 / 141             8.8 / 144                 2.7 / 82
//     64   6.4 / 185             54 / 182                  5.3 / 117
//    128   25 / 259              not within 316            17 to 22 / 183
//    192   24 / 426                                        52 to 75 / 318
//    240   44 to 78 / 480                                  261 / 374; beside a kernel build not within 600
//
// Ours ticks at 1000 Hz, Debian's at 250: probably why it is the slower one beyond 128 CPUs.

std::chrono::seconds BootDeadline(const MachineConfig& config) {
  const std::chrono::seconds::rep cpus = CpuCount(config.topology);
  const std::chrono::seconds::rep gib = (std::chrono::seconds::rep{config.memory_mib} + 1023) / 1024;
  if (config.accel == Accel::kKvm) return std::chrono::seconds(20 + cpus / 8 + gib / 8);
  const std::chrono::seconds wall(60 + cpus + cpus * cpus / 100 + gib);
  return config.clock == Clock::kVirtual ? 4 * wall : wall;
}

}  // namespace ktstr::vmm
