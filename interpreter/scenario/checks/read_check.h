// The check on what a ReadKernel Op found.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "interpreter/temporal/temporal_check.h"
#include "ops/host/comparison.h"
#include "ops/plan/quantity.h"

namespace ktstr {

/// A bound on the last value read under a tag, or its text; with `over_time` how all of them follow each
/// other. A tag that was never reached is INCONCLUSIVE.
struct ReadCheck {
  std::string read;  // the tag
  std::optional<TemporalPattern> over_time = {};
  std::optional<PlainText> equals = {};  // the value as text
  std::optional<Quantity> min = {};
  std::optional<Quantity> max = {};
  std::vector<Quantity> between = {};  // empty or [lowest, highest]
  static const StructDecl& Decl();
};

}  // namespace ktstr
