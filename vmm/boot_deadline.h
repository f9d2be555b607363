// How long a guest may take to boot. Pure.
#pragma once

#include <chrono>

#include "vmm/machine_config.h"

namespace ktstr::vmm {

/// From the first instruction to guest-init's "ready", on a host that is busy with other work too: about ten
/// times what was measured on an idle 2-core host, so that only a guest that hangs reaches it. In seconds, for n
/// CPUs and m GiB of memory (rounded up):
///
///     TCG   60 + n + n * n / 100 + m     (four times that under the virtual clock)
///     KVM   20 + n / 8 + m / 8
///
/// Under TCG one host thread runs all vCPUs in turn. Each CPU that comes up lengthens the turn in which it and
/// those before it wait for each other, hence the square. Measured with QEMU 7.2 and Debian's 6.12 cloud kernel:
/// see boot_deadline.cpp. Memory costs the page structures that Linux sets up before it starts the other CPUs.
std::chrono::seconds BootDeadline(const MachineConfig& config);

}  // namespace ktstr::vmm
