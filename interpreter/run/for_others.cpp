#include "interpreter/run/for_others.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/judge/judge.h"

namespace ktstr {
namespace {

std::string WhyUnusable(const RunOutcome& outcome) {
  if (outcome.verdict == Verdict::kError || outcome.verdict == Verdict::kSkip)
    return fmt::format("it is {} {}: {}", outcome.verdict == Verdict::kError ? "an" : "a",
                       VerdictName(outcome.verdict), outcome.cause);
  return {};
}

}  // namespace

std::optional<VariantNumbers> ForOthers(const RunPlan& plan, const RunOutcome& outcome) {
  const std::vector<PlacedCheck>& checks = plan.checks.checks;
  if (std::none_of(checks.begin(), checks.end(),
                   [](const PlacedCheck& check) { return check.only_measures; }))
    return std::nullopt;
  return VariantNumbers{plan.variant, WhyUnusable(outcome), ComparedWaitPct(outcome.machine),
                        outcome.machine.cpu_quality == CpuGrade::kPoor,
                        NumbersForOthers(outcome.record, outcome.stats, plan.checks)};
}

double ComparedWaitPct(const MachineFacts& machine) {
  return machine.cpu_quality == CpuGrade::kNotApplicable ? 0 : machine.cpu_wait_pct;
}

}  // namespace ktstr
