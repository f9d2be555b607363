// One variant of one scenario on one machine: boot, send the plan, collect, fold, judge. Everything that
// happens is told to an EventSink as it happens.
#pragma once

#include <filesystem>

#include "guest-init/base/result.h"

namespace ktstr {

class EventSink;        // run_event.h
struct RunEnvironment;  // run_environment.h
struct RunOutcome;      // run_outcome.h
struct RunPlan;         // interpreter/plan/plan.h

/// Carries a plan out. `scenario_dir` is where relative payload paths start. Never fails as such: whatever
/// goes wrong becomes the outcome's verdict and cause, and what was finished before is in its record. On
/// return the machine and all its processes are gone. REQUIRES: PlanRuns found no error.
RunOutcome RunScenario(const RunPlan& plan, const std::filesystem::path& scenario_dir,
                       const RunEnvironment& environment, EventSink& sink);

/// Boots `kernel` under KVM until guest-init answers, for vmm::ResolveAccel.
Result<> ProveKvm(const RunEnvironment& environment);

}  // namespace ktstr
