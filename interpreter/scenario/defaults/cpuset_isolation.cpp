// The default check `cpuset_isolation`.
#include <fmt/format.h>

#include "interpreter/scenario/defaults/default_check.h"

namespace ktstr {

namespace {

bool Restricted(const WorkerGroup& group) { return group.allowed.has_value(); }

}  // namespace

void JudgeCpusetIsolation(DefaultSite& site);

void JudgeCpusetIsolation(DefaultSite& site) {
  EachReport(
      site, "every worker stayed inside its cpusets", &Restricted,
      [&](const WorkerGroup& group, const WorkerReport& report, const std::string& name, Findings& found) {
        CpuSet outside;
        for (const std::uint32_t cpu : report.cpus_used)
          if (!group.allowed->Contains(cpu)) outside.Add(cpu);
        if (outside.empty()) return;
        std::string when;
        for (const Migration& move : report.migrations) {
          if (!outside.Contains(move.to_cpu)) continue;
          when = fmt::format(", {} ms after its start", move.at_ns / 1'000'000);
          break;
        }
        found.Add(group.cgroup, {Verdict::kFail,
                                 fmt::format("worker {} ran on cpu {}, outside its cpuset {}{}", name,
                                             FormatCpus(outside), FormatCpus(*group.allowed), when),
                                 static_cast<double>(outside.size()), PhaseOf(site.run(), group)});
      });
}

}  // namespace ktstr
