// What a run leaves for the variants of its scenario that are compared with it.
#pragma once

#include <optional>

#include "interpreter/plan/plan.h"
#include "interpreter/run/run_outcome.h"

namespace ktstr {

/// Nothing when no other variant is compared with this one. Nothing can be compared with a run that is an
/// ERROR or was skipped, or whose machine the host had stopped for a tenth of a worker's life. REQUIRES: the
/// outcome is decided.
std::optional<VariantNumbers> ForOthers(const RunPlan& plan, const RunOutcome& outcome);

/// What stands in the place of the numbers of a run that left none: why there are none.
VariantNumbers NothingForOthers(const std::string& variant, const RunOutcome& outcome);

/// VariantNumbers::wait_pct of a run.
double ComparedWaitPct(const MachineFacts& machine);

}  // namespace ktstr
