// BPF maps kept alive for the run: a scheduler's maps are gone with it unless somebody holds them.
#pragma once

#include <map>
#include <string>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"

namespace ktstr::guest {

/// Holds descriptors of maps until it is destroyed. One thread.
class BpfPins {
 public:
  /// Looks for the map among all there are, lowest id first, and holds it; one that is held is held already.
  /// The kernel cuts names to 15 characters, and so is `name` here. Errors (kGuest): "there is no BPF map
  /// 'x'; the guest has: a, b", "the kernel has no BPF".
  Result<> Pin(const std::string& name);

 private:
  std::map<std::string, Fd> held_;
};

}  // namespace ktstr::guest
