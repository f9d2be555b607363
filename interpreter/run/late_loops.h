// Steps that repeat their Ops (`hold: {every: ..., for: ...}`) and took longer than the author wrote.
#pragma once

#include "interpreter/run/run_outcome.h"
#include "interpreter/scenario/scenario.h"

namespace ktstr {

/// Adds a warning to `outcome` for each such step that took more than a tenth (and 50 ms) longer than its
/// `for`: no round is left out, so rounds that take longer than `every` make the step longer. Pure.
RunOutcome WithLateLoops(const Scenario& scenario, RunOutcome outcome);

}  // namespace ktstr
