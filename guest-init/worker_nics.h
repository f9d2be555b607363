// The machine's two network cards, for workers that send frames.
#pragma once

#include <string>

#include "guest-init/base/result.h"
#include "workloads/worker/nics.h"

namespace ktstr::guest {

struct WorkerNics {
  NicPair pair;       // both up
  std::string about;  // for reports: "virtio-net cards eth0 and eth1 on a wire of their own"

  /// Finds them by their addresses (kNicAddresses) and switches them on, without IPv6, which would send
  /// frames of its own. Errors (kGuest): "this machine has no network card for work: none of /sys/class/net
  /// has the address 02:6b:74:73:74:01", or the call that failed.
  static Result<WorkerNics> SwitchOn();
};

}  // namespace ktstr::guest
