#include "interpreter/scenario/defaults/default_check.h"

#include <fmt/format.h>

#include <algorithm>

namespace ktstr {

CheckResult& DefaultSite::Add() {
  CheckResult& result = out_.emplace_back();
  result.check = name_;
  return result;
}

void Findings::Add(const std::string& cgroup, Finding finding) {
  const auto at = std::find_if(by_cgroup_.begin(), by_cgroup_.end(),
                               [&](const auto& entry) { return entry.first == cgroup; });
  auto& list =
      at != by_cgroup_.end() ? at->second : by_cgroup_.emplace_back(cgroup, std::vector<Finding>{}).second;
  list.push_back(std::move(finding));
}

void Findings::Report(DefaultSite& site, std::string_view kind) const {
  for (const auto& [cgroup, list] : by_cgroup_) {
    const auto worst = std::max_element(list.begin(), list.end(), [](const Finding& a, const Finding& b) {
      return a.verdict != b.verdict ? a.verdict < b.verdict : a.badness < b.badness;
    });
    const auto more = std::count_if(list.begin(), list.end(),
                                    [&](const Finding& f) { return f.verdict == worst->verdict; }) -
                      1;
    CheckResult& result = site.Add();
    result.verdict = worst->verdict;
    result.cgroup = cgroup;
    result.phase = worst->phase;
    result.message = worst->message;
    if (more > 0)
      result.message += fmt::format("; {} more {}{} of its cgroup too", more, kind, more == 1 ? "" : "s");
    result.value = worst->value;
    result.bound = worst->bound;
    result.unit = worst->unit;
  }
}

std::string PhaseOf(const RunFacts& run, const WorkerGroup& group) {
  return group.backdrop ? std::string() : PhaseName(run.record, group.first_phase);
}

void EachReport(DefaultSite& site, const std::string& all_well, const Concerns& concerns,
                const LookAtReport& look) {
  Findings findings;
  std::size_t seen = 0;
  std::size_t missing = 0;
  for (const GroupReports& entry : site.run().groups) {
    if (!concerns(entry)) continue;
    missing += entry.missing.size();
    seen += entry.reports.size();
    for (const auto* list : {&entry.reports, &entry.lost})
      for (const WorkerReport* report : *list)
        look(*entry.group, *report, WorkerName(site.run().record, *entry.group, report->index), findings);
  }
  findings.Report(site);
  if (!findings.empty() || seen + missing == 0) return;
  CheckResult& result = site.Add();
  result.message = all_well;
  if (missing == 0) return;
  result.verdict = Verdict::kInconclusive;
  result.message = fmt::format("{} of {} workers left no report", missing, seen + missing);
}

}  // namespace ktstr
