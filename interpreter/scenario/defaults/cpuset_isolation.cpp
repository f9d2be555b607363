// The default check `cpuset_isolation`.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/scenario/defaults/default_check.h"

namespace ktstr {
namespace {

bool Narrower(const PhaseSlice& slice, std::uint32_t online_cpus) {
  return !slice.cpus_allowed.empty() && slice.cpus_allowed.size() < online_cpus;
}

/// Whether it was ever kept from a CPU.
bool Restricted(const RunFacts& run, const GroupReports& entry) {
  if (entry.group->allowed) return true;
  const auto kept = [&](const WorkerReport* report) {
    return std::any_of(report->phase_slices.begin(), report->phase_slices.end(),
                       [&](const PhaseSlice& slice) { return Narrower(slice, run.record.online_cpus); });
  };
  return std::any_of(entry.reports.begin(), entry.reports.end(), kept);
}

/// Whether each of these CPUs went offline while the slice lasted.
bool WentOffline(const KernelLogRecord& log, const PhaseSlice& slice, const CpuSet& cpus) {
  const auto went = [&](std::uint32_t cpu) {
    return std::any_of(log.offline.begin(), log.offline.end(), [&](const CpuOffline& offline) {
      const bool then = slice.phase == kBetweenPhases ? offline.after_phase
                                                      : !offline.after_phase && offline.phase == slice.phase;
      return offline.cpu == cpu && then;
    });
  };
  return std::all_of(cpus.cpus.begin(), cpus.cpus.end(), went);
}

CpuSet Outside(const std::vector<std::uint32_t>& used, const CpuSet& allowed) {
  CpuSet outside;
  for (const std::uint32_t cpu : used)
    if (!allowed.Contains(cpu)) outside.Add(cpu);
  return outside;
}

/// Whether CPUs that came and went are why a worker was seen outside its set.
bool ByHotplug(const KernelLogRecord& log, const WorkerGroup& group, const PhaseSlice& slice,
               const CpuSet& outside) {
  // The kernel lets tasks that have no CPU left run elsewhere until one is back, whether or not that was soon
  // enough for anybody to see.
  if (WentOffline(log, slice, CpuSet{slice.outside_of})) return true;
  // It was on a CPU of its own that had been away; PID 1 had not heard yet that it was back.
  const bool its_own = group.allowed && Outside(outside.cpus, *group.allowed).empty();
  return its_own && WentOffline(log, slice, outside);
}

Finding Describe(const WorkerReport& report, const std::string& name, const CpuSet& outside,
                 const CpuSet& allowed, std::uint64_t from_ms) {
  std::string when;
  for (const Migration& move : report.migrations) {
    if (!outside.Contains(move.to_cpu) || move.at_ns / 1'000'000 < from_ms) continue;
    when = fmt::format(", {} ms after its start", move.at_ns / 1'000'000);
    break;
  }
  return {Verdict::kFail,
          fmt::format("worker {} ran on cpu {}, outside its cpuset {}{}", name, FormatCpus(outside),
                      FormatCpus(allowed), when),
          static_cast<double>(outside.size())};
}

}  // namespace

void JudgeCpusetIsolation(DefaultSite& site);

void JudgeCpusetIsolation(DefaultSite& site) {
  EachReport(
      site, "every worker stayed inside its cpusets",
      [&](const GroupReports& entry) { return Restricted(site.run(), entry); },
      [&](const WorkerGroup& group, const WorkerReport& report, const std::string& name, Findings& found) {
        bool judged = false;
        for (const PhaseSlice& slice : report.phase_slices) {
          if (slice.cpus_allowed.empty()) continue;
          judged = true;
          const CpuSet outside = Outside(slice.cpus_outside, CpuSet{slice.cpus_let_in});
          if (outside.empty() || ByHotplug(site.run().record.kernel_log, group, slice, outside)) continue;
          Finding finding =
              Describe(report, name, outside, CpuSet{slice.outside_of},
                       (slice.begin_ns - std::min(slice.begin_ns, report.created_ns)) / 1'000'000);
          finding.phase = PhaseName(site.run().record, slice.phase);
          found.Add(group.cgroup, std::move(finding));
          return;
        }
        if (judged || !group.allowed) return;
        // A guest whose kernel does not tell the effective set.
        const CpuSet outside = Outside(report.cpus_used, *group.allowed);
        if (outside.empty()) return;
        Finding finding = Describe(report, name, outside, *group.allowed, 0);
        finding.phase = PhaseOf(site.run(), group);
        found.Add(group.cgroup, std::move(finding));
      });
}

}  // namespace ktstr
