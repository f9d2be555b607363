// The default check `progress`.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/scenario/defaults/default_check.h"
#include "interpreter/scenario/defaults/stall.h"

namespace ktstr {

namespace {

/// A worker that lived for less cannot be blamed for not having worked.
constexpr std::uint64_t kShortLifeMs = 500;

std::uint64_t Ms(std::uint64_t ns) { return ns / 1'000'000; }

}  // namespace

void JudgeProgress(DefaultSite& site);

void JudgeProgress(DefaultSite& site) {
  EachReport(
      site, "every worker did some work", &AnyGroup,
      [&](const WorkerGroup& group, const WorkerReport& report, const std::string& name, Findings& found) {
        if (report.work_units > 0 || !report.work_error.empty()) return;  // the latter is said elsewhere
        // It could not while its cgroup was frozen, nor while nothing ran in the guest.
        const std::uint64_t life = Ms(report.wall_ns - std::min(report.frozen_ns, report.wall_ns));
        const std::uint64_t had = life - std::min(life, Ms(report.machine_stopped_ns));
        Finding finding{
            Verdict::kFail,
            fmt::format("worker {} made no progress: 0 work units in {} ms, {} ms of them on a CPU", name,
                        life, Ms(report.cpu_time_ns)),
            static_cast<double>(life), PhaseOf(site.run(), group)};
        const Stall stall = WorthTelling(report, WorstStall(report), 0);
        if (const std::string did = WhatItDid(stall); !did.empty())
          finding.message =
              fmt::format("worker {} {}{}", name, did, WhyItDidNotRun(site.run(), report, stall));
        if (stall.HadTurns()) finding.verdict = Verdict::kInconclusive;
        finding.value = static_cast<double>(had);
        finding.bound = static_cast<double>(kShortLifeMs);
        finding.unit = "ms";
        if (had < kShortLifeMs) {
          if (!report.completed) return;  // it did not end by itself; others say how
          finding.verdict = Verdict::kInconclusive;
          finding.message = fmt::format("worker {} did no work, but it lived for {} ms only", name, had);
        }
        found.Add(group.cgroup, std::move(finding));
      });
}

}  // namespace ktstr
