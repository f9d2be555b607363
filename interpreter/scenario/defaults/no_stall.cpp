// The default check `no_stall`.
#include <fmt/format.h>

#include "interpreter/scenario/defaults/default_check.h"
#include "interpreter/scenario/defaults/stall.h"
#include "ops/plan/quantity.h"

namespace ktstr {
namespace {

/// The phase in which a worker stood still.
std::string PhaseOfGap(const RunFacts& run, const WorkerGroup& group, const Stall& stall) {
  return group.backdrop ? PhaseName(run.record, stall.phase) : PhaseOf(run, group);
}

Finding Describe(const RunFacts& run, const WorkerGroup& group, const WorkerReport& report,
                 const std::string& name, const Stall& worst, double limit_ms) {
  Finding finding;
  const Stall stall = WorthTelling(report, worst, limit_ms);
  const std::string did = WhatItDid(stall);
  finding.message =
      did.empty() ? fmt::format("worker {} did not run for {} ms on cpu {} (limit {}), {} ms after its start",
                                name, stall.ms, stall.cpu, FormatAmount(limit_ms, "ms"), stall.end_ms)
                  : fmt::format("worker {} {}", name, did);
  finding.message += WhyItDidNotRun(run, report, stall) + WhatWasWished(stall.throttled_ms);
  finding.phase = PhaseOfGap(run, group, stall);
  const std::uint64_t blamed = worst.BlamedMs();
  if (worst.stopped_ms > 0 &&
      static_cast<double>(blamed) - static_cast<double>(worst.stopped_ms) <= limit_ms) {
    finding.verdict = Verdict::kInconclusive;
    finding.message =
        fmt::format("nothing at all ran in the guest for {} ms: the host had stopped the machine; {}",
                    worst.stopped_ms, finding.message);
  }
  if (stall.HadTurns()) finding.verdict = Verdict::kInconclusive;
  finding.badness = static_cast<double>(blamed);
  finding.value = static_cast<double>(worst.ms);
  finding.bound = limit_ms;
  finding.unit = "ms";
  return finding;
}

/// Of a payload nothing is known but what the kernel says of its tasks.
void JudgePayloads(DefaultSite& site, double limit_ms) {
  const RunFacts& run = site.run();
  Findings findings;
  for (const PayloadResult& payload : run.record.payloads) {
    if (!payload.done.longest_wait) continue;
    const TaskWait& wait = *payload.done.longest_wait;
    const double ms = static_cast<double>(wait.end_ns - wait.begin_ns) / 1e6;
    const double throttled_ms = static_cast<double>(wait.throttled_ns) / 1e6;
    const double stopped_ms = static_cast<double>(wait.machine_stopped_ns) / 1e6;
    if (ms - throttled_ms <= limit_ms) continue;
    Finding finding;
    finding.message =
        fmt::format("{}: its task {}[{}] was runnable for {:.0f} ms on CPU {} and did not run{}{}",
                    PayloadTitle(payload), wait.comm, wait.tid, ms, wait.cpu, WhyItDidNotRun(run, wait),
                    WhatWasWished(wait.throttled_ns / 1'000'000));
    if (ms - throttled_ms - stopped_ms <= limit_ms) {
      finding.verdict = Verdict::kInconclusive;
      finding.message =
          fmt::format("nothing at all ran in the guest for {:.0f} ms: the host had stopped the machine; {}",
                      stopped_ms, finding.message);
    }
    finding.phase = PhaseName(run.record, wait.phase);
    finding.badness = ms - throttled_ms;
    finding.value = ms;
    finding.bound = limit_ms;
    finding.unit = "ms";
    findings.Add(payload.cgroup, std::move(finding));
  }
  findings.Report(site, "payload");
}

}  // namespace

void JudgeNoStall(DefaultSite& site);

void JudgeNoStall(DefaultSite& site) {
  const double limit_ms = static_cast<double>(site.settings().stall_limit.ns) / 1e6;
  EachReport(
      site, fmt::format("no worker stood still for more than {}", FormatAmount(limit_ms, "ms")), &AnyGroup,
      [&](const WorkerGroup& group, const WorkerReport& report, const std::string& name, Findings& found) {
        const Stall stall = WorstStall(report);
        if (static_cast<double>(stall.BlamedMs()) <= limit_ms) return;
        found.Add(group.cgroup, Describe(site.run(), group, report, name, stall, limit_ms));
      });
  JudgePayloads(site, limit_ms);
}

}  // namespace ktstr
