// The default checks: they look at each worker's report, not at folded numbers, to name the worker.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "interpreter/judge/judge_parts.h"

namespace ktstr {
namespace {

/// A worker that lived for less cannot be blamed for not having worked.
constexpr std::uint64_t kShortLifeMs = 500;

std::uint64_t Ms(std::uint64_t ns) { return ns / 1'000'000; }

/// What a check found about one worker.
struct Finding {
  Verdict verdict = Verdict::kFail;
  std::string message;
  double badness = 0;  // the worst of a cgroup is shown
  std::string phase = {};
  std::optional<double> value = {};
  std::optional<double> bound = {};
  std::string unit = {};
};

struct Context {
  const RunRecord& record;
  const std::vector<GroupReports>& groups;
  const std::string& path;
  CheckResults& results;
};

CheckResult Blank(const Context& context, std::string_view check) {
  CheckResult result;
  result.check = check;
  result.path = context.path;
  return result;
}

/// Findings of one check, by cgroup in order of first use.
class Findings {
 public:
  void Add(const std::string& cgroup, Finding finding) {
    const auto at = std::find_if(by_cgroup_.begin(), by_cgroup_.end(),
                                 [&](const auto& entry) { return entry.first == cgroup; });
    auto& list = at != by_cgroup_.end() ? at->second : by_cgroup_.emplace_back(cgroup, List{}).second;
    list.push_back(std::move(finding));
  }
  [[nodiscard]] bool empty() const { return by_cgroup_.empty(); }

  /// One result a cgroup: its worst finding, and how many more there are.
  void Report(const Context& context, std::string_view check) const {
    for (const auto& [cgroup, list] : by_cgroup_) {
      const auto worst = std::max_element(list.begin(), list.end(), [](const Finding& a, const Finding& b) {
        return a.verdict != b.verdict ? a.verdict < b.verdict : a.badness < b.badness;
      });
      const auto more = std::count_if(list.begin(), list.end(),
                                      [&](const Finding& f) { return f.verdict == worst->verdict; }) -
                        1;
      CheckResult result = Blank(context, check);
      result.verdict = worst->verdict;
      result.cgroup = cgroup;
      result.phase = worst->phase;
      result.message = worst->message;
      if (more > 0)
        result.message += fmt::format("; {} more worker{} of its cgroup too", more, more == 1 ? "" : "s");
      result.value = worst->value;
      result.bound = worst->bound;
      result.unit = worst->unit;
      context.results.push_back(std::move(result));
    }
  }

 private:
  using List = std::vector<Finding>;
  std::vector<std::pair<std::string, List>> by_cgroup_;
};

std::string PhaseOf(const Context& context, const WorkerGroup& group) {
  return group.backdrop ? std::string() : PhaseName(context.record, group.first_phase);
}

void WorkersReported(const Context& context) {
  Findings findings;
  std::size_t reported = 0;
  for (const auto& [group, reports, missing, odd] : context.groups) {
    reported += reports.size();
    for (const std::vector<std::string>* faults : {&missing, &odd})
      for (const std::string& fault : *faults)
        findings.Add(group->cgroup, {Verdict::kError, fault, 0, PhaseOf(context, *group)});
  }
  for (const CollectedReport& report : context.record.reports) {
    const auto known = [&](const WorkerGroup& group) { return group.id == report.group; };
    if (std::none_of(context.record.groups.begin(), context.record.groups.end(), known))
      findings.Add(
          "", {Verdict::kError,
               fmt::format("a report came from worker group {}, which was never started", report.group)});
  }
  if (findings.empty() && !context.groups.empty()) {
    CheckResult result = Blank(context, "workers_reported");
    result.message = fmt::format("all {} workers left their reports", reported);
    context.results.push_back(std::move(result));
  }
  findings.Report(context, "workers_reported");
}

using Look = std::function<void(const WorkerGroup&, const WorkerReport&, const std::string& name, Findings&)>;

/// Runs `look` over all reports of the groups that `concerns`. PASS, with `all_well`, only when every worker
/// left a report.
void EachReport(const Context& context, std::string_view check, const std::string& all_well,
                bool (*concerns)(const WorkerGroup&), const Look& look) {
  Findings findings;
  std::size_t seen = 0;
  std::size_t missing = 0;
  for (const GroupReports& entry : context.groups) {
    if (!concerns(*entry.group)) continue;
    missing += entry.missing.size();
    for (const WorkerReport* report : entry.reports) {
      ++seen;
      look(*entry.group, *report, WorkerName(context.record, *entry.group, report->index), findings);
    }
  }
  findings.Report(context, check);
  if (!findings.empty() || seen + missing == 0) return;
  CheckResult result = Blank(context, check);
  result.message = all_well;
  if (missing > 0) {
    result.verdict = Verdict::kInconclusive;
    result.message = fmt::format("{} of {} workers left no report", missing, seen + missing);
  }
  context.results.push_back(std::move(result));
}

bool AnyGroup(const WorkerGroup&) { return true; }
bool Restricted(const WorkerGroup& group) { return group.allowed.has_value(); }

void WorkersSetUp(const Context& context) {
  EachReport(
      context, "workers_set_up", "every worker got the affinity and policy asked for", &AnyGroup,
      [&](const WorkerGroup& group, const WorkerReport& report, const std::string& name, Findings& found) {
        for (const auto& [what, error] :
             {std::pair{"affinity", report.affinity_error}, {"scheduling policy", report.sched_policy_error}})
          if (!error.empty())
            found.Add(
                group.cgroup,
                {Verdict::kError, fmt::format("worker {} did not get its {}: {}", name, what, OneLine(error)),
                 0, PhaseOf(context, group)});
      });
}

void Progress(const Context& context) {
  EachReport(
      context, "progress", "every worker did some work", &AnyGroup,
      [&](const WorkerGroup& group, const WorkerReport& report, const std::string& name, Findings& found) {
        if (report.work_units > 0) return;
        const std::uint64_t life = Ms(report.wall_ns);
        Finding finding{
            Verdict::kFail,
            fmt::format("worker {} made no progress: 0 work units in {} ms, {} ms of them on a CPU", name,
                        life, Ms(report.cpu_time_ns)),
            static_cast<double>(life), PhaseOf(context, group)};
        if (life < kShortLifeMs) {
          finding.verdict = Verdict::kInconclusive;
          finding.message = fmt::format("worker {} did no work, but it lived for {} ms only", name, life);
        }
        found.Add(group.cgroup, std::move(finding));
      });
}

/// The phase in which a backdrop worker had its longest gap.
std::string GapPhase(const Context& context, const WorkerGroup& group, const WorkerReport& report) {
  if (!group.backdrop) return PhaseOf(context, group);
  for (const PhaseSlice& slice : report.phase_slices)
    if (slice.max_gap_ms == report.max_gap_ms) return PhaseName(context.record, slice.phase);
  return {};
}

void NoStall(const Context& context, Duration limit) {
  const double limit_ms = static_cast<double>(limit.ns) / 1e6;
  EachReport(
      context, "no_stall",
      fmt::format("no worker stood still for more than {}", FormatAmount(limit_ms, "ms")), &AnyGroup,
      [&](const WorkerGroup& group, const WorkerReport& report, const std::string& name, Findings& found) {
        const auto gap = static_cast<double>(report.max_gap_ms);
        if (gap <= limit_ms) return;
        found.Add(group.cgroup,
                  {Verdict::kFail,
                   fmt::format("worker {} did not run for {} ms on cpu {} (limit {}), {} ms after its start",
                               name, report.max_gap_ms, report.max_gap_cpu, FormatAmount(limit_ms, "ms"),
                               report.max_gap_at_ms),
                   gap, GapPhase(context, group, report), gap, limit_ms, "ms"});
      });
}

void CpusetIsolation(const Context& context) {
  EachReport(
      context, "cpuset_isolation", "every worker stayed inside its cpusets", &Restricted,
      [&](const WorkerGroup& group, const WorkerReport& report, const std::string& name, Findings& found) {
        CpuSet outside;
        for (const std::uint32_t cpu : report.cpus_used)
          if (!group.allowed->Contains(cpu)) outside.Add(cpu);
        if (outside.empty()) return;
        std::string when;
        for (const Migration& move : report.migrations) {
          if (!outside.Contains(move.to_cpu)) continue;
          when = fmt::format(", {} ms after its start", Ms(move.at_ns));
          break;
        }
        found.Add(group.cgroup, {Verdict::kFail,
                                 fmt::format("worker {} ran on cpu {}, outside its cpuset {}{}", name,
                                             FormatCpus(outside), FormatCpus(*group.allowed), when),
                                 static_cast<double>(outside.size()), PhaseOf(context, group)});
      });
}

}  // namespace

void JudgeDefaults(const RunRecord& record, const std::vector<GroupReports>& groups,
                   const DefaultChecks& checks, const std::string& path, CheckResults& results) {
  const Context context{record, groups, path, results};
  if (checks.workers_reported) WorkersReported(context);
  if (checks.workers_set_up) WorkersSetUp(context);
  if (checks.progress) Progress(context);
  if (checks.no_stall) NoStall(context, checks.stall_limit);
  if (checks.cpuset_isolation) CpusetIsolation(context);
}

}  // namespace ktstr
