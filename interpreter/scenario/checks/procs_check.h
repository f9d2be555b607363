// The check on how many processes were in a cgroup.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/decl.h"
#include "ops/plan/quantity.h"

namespace ktstr {

/// A bound on the number of processes in the last list of this tag. A list that was not made is INCONCLUSIVE.
struct ProcsCheck {
  std::string procs;                 // its tag
  std::optional<Quantity> min = {};  // inclusive, as all bounds; a plain number
  std::optional<Quantity> max = {};
  std::vector<Quantity> between = {};  // empty or [lowest, highest]
  static const StructDecl& Decl();
};

}  // namespace ktstr
