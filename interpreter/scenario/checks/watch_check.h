// The check on how often a watch fired.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/decl.h"
#include "ops/plan/quantity.h"

namespace ktstr {

/// A bound on the number of fires. A count that missed some can only break a maximum or reach a minimum; a
/// watch that was not set is INCONCLUSIVE.
struct WatchCheck {
  std::string watch;  // its tag
  std::optional<Quantity> min = {};
  std::optional<Quantity> max = {};
  std::vector<Quantity> between = {};
  static const StructDecl& Decl();
};

}  // namespace ktstr
