// The default check `no_stall`.
#include <fmt/format.h>

#include "interpreter/scenario/defaults/default_check.h"
#include "ops/plan/quantity.h"

namespace ktstr {
namespace {

/// The phase in which a backdrop worker had its longest gap.
std::string GapPhase(const RunFacts& run, const WorkerGroup& group, const WorkerReport& report) {
  if (!group.backdrop) return PhaseOf(run, group);
  for (const PhaseSlice& slice : report.phase_slices)
    if (slice.max_gap_ms == report.max_gap_ms) return PhaseName(run.record, slice.phase);
  return {};
}

}  // namespace

void JudgeNoStall(DefaultSite& site);

void JudgeNoStall(DefaultSite& site) {
  const double limit_ms = static_cast<double>(site.settings().stall_limit.ns) / 1e6;
  EachReport(
      site, fmt::format("no worker stood still for more than {}", FormatAmount(limit_ms, "ms")), &AnyGroup,
      [&](const WorkerGroup& group, const WorkerReport& report, const std::string& name, Findings& found) {
        const auto gap = static_cast<double>(report.max_gap_ms);
        if (gap <= limit_ms) return;
        found.Add(group.cgroup,
                  {Verdict::kFail,
                   fmt::format("worker {} did not run for {} ms on cpu {} (limit {}), {} ms after its start",
                               name, report.max_gap_ms, report.max_gap_cpu, FormatAmount(limit_ms, "ms"),
                               report.max_gap_at_ms),
                   gap, GapPhase(site.run(), group, report), gap, limit_ms, "ms"});
      });
}

}  // namespace ktstr
