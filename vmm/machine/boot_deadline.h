// How long a guest may take to boot. Pure.
#pragma once

#include <chrono>

#include "vmm/machine/machine_config.h"

namespace ktstr::vmm {

/// From the first instruction to guest-init's "ready". Meant for hosts busy with other work, so that only a
/// guest that hangs reaches it: most guests need about a tenth, the largest on an overloaded host more than
/// half. For n CPUs and m GiB of memory (rounded up), in seconds:
///
///     TCG   60 + n + n * n / 100 + m     (four times that under the virtual clock)
///     KVM   20 + n / 8 + m / 8
///
/// Under TCG one host thread runs all vCPUs in turn. Each CPU that comes up lengthens the turn in which it
/// and those before it wait for each other, hence the square. Memory itself costs next to nothing: 16 GiB
/// boot 0.2 s later than 512 MiB. boot_deadline.cpp has what was measured.
std::chrono::seconds BootDeadline(const MachineConfig& config);

}  // namespace ktstr::vmm
