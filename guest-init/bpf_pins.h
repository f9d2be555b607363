// BPF maps kept alive for the run: a scheduler's maps are gone with it unless somebody holds them.
#pragma once

#include <cstdint>
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
  /// Whether there is a map with an id above `id` that is not held here.
  [[nodiscard]] bool OthersAbove(std::uint32_t id) const;

 private:
  struct Held {
    Fd map;
    std::uint32_t id = 0;
  };
  std::map<std::string, Held> held_;
};

/// The highest id of a BPF map; the kernel gives rising ones. 0: there is no map, or no BPF.
std::uint32_t NewestBpfMap();

}  // namespace ktstr::guest
