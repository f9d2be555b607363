// The default check `workers_reported`.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/scenario/defaults/default_check.h"

namespace ktstr {

void JudgeWorkersReported(DefaultSite& site);

void JudgeWorkersReported(DefaultSite& site) {
  Findings findings;
  std::size_t reported = 0;
  for (const auto& [group, reports, missing, lost, odd] : site.run().groups) {
    reported += reports.size();
    for (const std::vector<std::string>* faults : {&missing, &odd})
      for (const std::string& fault : *faults)
        findings.Add(group->cgroup, {Verdict::kError, fault, 0, PhaseOf(site.run(), *group)});
  }
  for (const CollectedReport& report : site.run().record.reports) {
    const auto known = [&](const WorkerGroup& group) { return group.id == report.group; };
    if (std::none_of(site.run().record.groups.begin(), site.run().record.groups.end(), known))
      findings.Add(
          "", {Verdict::kError,
               fmt::format("a report came from worker group {}, which was never started", report.group)});
  }
  if (findings.empty() && !site.run().groups.empty()) {
    site.Add().message = fmt::format("all {} workers left their reports", reported);
  }
  findings.Report(site);
}

}  // namespace ktstr
