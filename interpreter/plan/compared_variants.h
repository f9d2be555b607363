// Which variant of a scenario the checks with `vs_variant` compare another one with. Pure.
#pragma once

#include <span>

#include "interpreter/plan/plan.h"

namespace ktstr {

/// Says of each such check in `plan`, the one of `variant`, which variant it compares with; of those that
/// would compare it with itself, that they only measure. What cannot be found stays as it is.
void PlaceComparisons(const Scenario& scenario, const RunVariant& variant, RunPlan& plan);

/// Diagnoses values that no axis has, two values of one axis, and variants that the matrix excludes. `plans`
/// are those of all variants.
void CheckComparisons(const Scenario& scenario, std::span<const std::shared_ptr<const RunPlan>> plans,
                      Diagnostics& diagnostics);

}  // namespace ktstr
