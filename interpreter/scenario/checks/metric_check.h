// The check on a metric of the workers, of a phase, of the run, or of a payload's output.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/decl.h"
#include "ops/plan/quantity.h"

namespace ktstr {

/// A bound on a metric. Bounds are inclusive.
///
/// Which number: `phase` (in a step's `checks:` that step, unless another is named) or, without one, the
/// whole run. A cgroup metric without `cgroup` must hold in EVERY cgroup that has data for it; the message
/// names the one that is farthest off; `group` leaves only the workers of groups with that name. A payload
/// metric (payload.<name>.<metric>) must hold in every run of that payload; `phase` and `cgroup` select among
/// them. `vs_phase` bounds the number divided by the same one of another phase, `vs_variant` by the same one
/// of another variant of the scenario.
struct MetricCheck {
  std::string metric;
  std::optional<std::string> phase = {};
  std::optional<std::string> cgroup = {};
  std::optional<Quantity> min = {};
  std::optional<Quantity> max = {};
  std::vector<Quantity> between = {};  // empty or [lo, hi]
  std::optional<std::string> vs_phase = {};
  std::optional<double> min_ratio = {};
  std::optional<double> max_ratio = {};
  std::optional<std::string> vs_variant = {};  // values of axes of the matrix: "eevdf", "1n1l1c1t,wall"
  std::optional<std::string> group = {};       // only of the workers of groups with this name
  static const StructDecl& Decl();
};

}  // namespace ktstr
