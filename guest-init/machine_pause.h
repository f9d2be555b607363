// How the guest pauses its own machine.
#pragma once

#include "guest-init/base/result.h"

namespace ktstr::guest {

/// Tells QEMU's pvpanic-pci device of a panic that is none; QEMU, told so (`-action panic=pause`), stops all
/// CPUs before this one's next instruction. Returns once the host lets them go on. Error (kGuest): "this
/// machine has no device to stop it with".
Result<> PauseThisMachine();

}  // namespace ktstr::guest
