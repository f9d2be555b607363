// The default check `workers_set_up`.
#include <fmt/format.h>

#include "interpreter/scenario/defaults/default_check.h"

namespace ktstr {

void JudgeWorkersSetUp(DefaultSite& site);

void JudgeWorkersSetUp(DefaultSite& site) {
  EachReport(
      site, "every worker was set up as asked for", &AnyGroup,
      [&](const WorkerGroup& group, const WorkerReport& report, const std::string& name, Findings& found) {
        for (const auto& [what, error] : {std::pair{"affinity", report.affinity_error},
                                          {"scheduling policy", report.sched_policy_error},
                                          {"nice value", report.nice_error},
                                          {"group id", report.gid_error},
                                          {"user id", report.uid_error}})
          if (!error.empty())
            found.Add(
                group.cgroup,
                {Verdict::kError, fmt::format("worker {} did not get its {}: {}", name, what, OneLine(error)),
                 0, PhaseOf(site.run(), group)});
        if (!report.work_error.empty())
          found.Add(group.cgroup,
                    {Verdict::kError,
                     fmt::format("worker {} could not do its work: {}", name, OneLine(report.work_error)), 0,
                     PhaseOf(site.run(), group)});
      });
}

}  // namespace ktstr
