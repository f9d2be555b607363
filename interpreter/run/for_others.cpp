#include "interpreter/run/for_others.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/judge/judge.h"

namespace ktstr {
namespace {

/// A host that stops the machine for a tenth of a worker's life makes its throughput too low.
constexpr std::uint64_t kStoppedShare = 10;

std::string WhatItIs(const RunOutcome& outcome) {
  return fmt::format("it is {} {}: {}", outcome.verdict == Verdict::kError ? "an" : "a",
                     VerdictName(outcome.verdict), outcome.cause);
}

std::string WhyUnusable(const RunOutcome& outcome) {
  if (outcome.verdict == Verdict::kError || outcome.verdict == Verdict::kSkip) return WhatItIs(outcome);
  std::uint64_t stopped_ns = 0;
  for (const CollectedReport& collected : outcome.record.reports)
    if (collected.report.machine_stopped_ns >= collected.report.wall_ns / kStoppedShare)
      stopped_ns = std::max(stopped_ns, collected.report.machine_stopped_ns);
  if (stopped_ns > 0)
    return fmt::format("nothing at all ran in its guest for {} ms: the host had stopped the machine",
                       stopped_ns / 1'000'000);
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

VariantNumbers NothingForOthers(const std::string& variant, const RunOutcome& outcome) {
  return {variant, outcome.cause.empty() ? "its run broke off" : WhatItIs(outcome), 0, false, {}};
}

double ComparedWaitPct(const MachineFacts& machine) {
  return machine.cpu_quality == CpuGrade::kNotApplicable ? 0 : machine.cpu_wait_pct;
}

}  // namespace ktstr
