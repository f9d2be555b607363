#include "interpreter/run/late_loops.h"

#include "interpreter/plan/plan.h"

namespace ktstr {

RunOutcome WithLateLoops(const Scenario& scenario, RunOutcome outcome) {
  constexpr std::int64_t kSlackNs = 50'000'000;
  for (const PhaseWindow& window : outcome.record.phases) {
    if (window.index == 0 || window.index > scenario.steps.size() || !window.started || !window.ended)
      continue;
    const std::optional<HoldSpec>& hold = scenario.steps[window.index - 1].hold;
    if (!hold || !hold->every || !hold->for_time) continue;
    const auto took = static_cast<std::int64_t>(window.end_ns - window.start_ns);
    if (took <= hold->for_time->ns + hold->for_time->ns / 10 + kSlackNs) continue;
    outcome.warnings.push_back("step '" + StepName(scenario, window.index - 1) +
                               "' was to repeat its ops for " + FormatDuration(*hold->for_time) +
                               " and took " + FormatDuration(Milliseconds(took / 1'000'000)) +
                               ": a round takes longer than every: " + FormatDuration(*hold->every));
  }
  return outcome;
}

}  // namespace ktstr
