// The default check `no_stall`.
#include <fmt/format.h>

#include "interpreter/scenario/defaults/default_check.h"
#include "interpreter/scenario/defaults/standstill.h"
#include "ops/plan/quantity.h"

namespace ktstr {
namespace {

/// The phase in which a worker stood still.
std::string PhaseOfGap(const RunFacts& run, const WorkerGroup& group, const Standstill& still) {
  return group.backdrop ? PhaseName(run.record, still.phase) : PhaseOf(run, group);
}

Finding Describe(const RunFacts& run, const WorkerGroup& group, const WorkerReport& report,
                 const std::string& name, const Standstill& worst, double limit_ms) {
  Finding finding;
  const Standstill still = WorthTelling(report, worst, limit_ms);
  const std::string did = WhatItDid(still);
  finding.message =
      did.empty() ? fmt::format("worker {} did not run for {} ms on cpu {} (limit {}), {} ms after its start",
                                name, still.ms, still.cpu, FormatAmount(limit_ms, "ms"), still.end_ms)
                  : fmt::format("worker {} {}", name, did);
  if (const std::string who = WhoHadTheCpu(run, report, still); !who.empty()) finding.message += "; " + who;
  finding.message += WhatWasWished(still.throttled_ms);
  finding.phase = PhaseOfGap(run, group, still);
  const std::uint64_t blamed = worst.BlamedMs();
  if (worst.stopped_ms > 0 &&
      static_cast<double>(blamed) - static_cast<double>(worst.stopped_ms) <= limit_ms) {
    finding.verdict = Verdict::kInconclusive;
    finding.message =
        fmt::format("nothing at all ran in the guest for {} ms: the host had stopped the machine; {}",
                    worst.stopped_ms, finding.message);
  }
  finding.badness = static_cast<double>(blamed);
  finding.value = static_cast<double>(worst.ms);
  finding.bound = limit_ms;
  finding.unit = "ms";
  return finding;
}

}  // namespace

void JudgeNoStall(DefaultSite& site);

void JudgeNoStall(DefaultSite& site) {
  const double limit_ms = static_cast<double>(site.settings().stall_limit.ns) / 1e6;
  EachReport(
      site, fmt::format("no worker stood still for more than {}", FormatAmount(limit_ms, "ms")), &AnyGroup,
      [&](const WorkerGroup& group, const WorkerReport& report, const std::string& name, Findings& found) {
        const Standstill still = WorstStandstill(report);
        if (static_cast<double>(still.BlamedMs()) <= limit_ms) return;
        found.Add(group.cgroup, Describe(site.run(), group, report, name, still, limit_ms));
      });
}

}  // namespace ktstr
