// Turns for what goes on while a run waits for its guest.
#pragma once

#include <optional>

#include "vmm/host/deadline.h"

namespace ktstr {

/// What else the run's thread does while it waits for the guest.
class Meanwhile {
 public:
  virtual ~Meanwhile() = default;
  /// When Tick() wants to be called next; nullopt: not at all.
  [[nodiscard]] virtual std::optional<vmm::Deadline> NextDue() const = 0;
  virtual void Tick() = 0;
};

}  // namespace ktstr
