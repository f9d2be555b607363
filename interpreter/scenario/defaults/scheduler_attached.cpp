// The default check `scheduler_attached`.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/scenario/defaults/default_check.h"

namespace ktstr {
namespace {

std::string Detail(const SchedulerRecord& record) {
  std::string detail;
  for (const std::string& line : record.stack) detail += line + "\n";
  return detail + TailOf(record.stderr_end, 2048);
}

void Fail(const RunFacts& run, const SchedulerRecord& record, CheckResult& result) {
  const bool ejected = record.end == SchedulerEnd::kError || record.end == SchedulerEnd::kStall;
  const double after = record.ended_ns < record.attached_ns
                           ? 0
                           : static_cast<double>(record.ended_ns - record.attached_ns) / 1e9;
  result.verdict = Verdict::kFail;
  result.at_ns = record.ended_ns;
  if (!record.after_phase) result.phase = PhaseName(run.record, record.end_phase);
  result.message = fmt::format("scheduler {} {} {:.3f} s after it was attached: {}", record.name,
                               ejected ? "was ejected" : "ended", after, HowSchedulerEnded(record));
  result.detail = Detail(record);
}

/// A check of the scenario looks at the last attach of each scheduler. It speaks for those before it as far
/// as they ended in the way that it wants: else a restart would hide what happened before.
bool IsLeftToCheck(const RunFacts& run, std::size_t index) {
  const auto& records = run.record.schedulers;
  const SchedulerRecord& record = records[index];
  const bool last = std::none_of(records.begin() + static_cast<std::ptrdiff_t>(index) + 1, records.end(),
                                 [&](const auto& later) { return later.name == record.name; });
  return std::any_of(run.expected_ends.begin(), run.expected_ends.end(), [&](const ExpectedEnd& expected) {
    return expected.scheduler == record.name && (last || expected.end == record.end);
  });
}

}  // namespace

void JudgeSchedulerAttached(DefaultSite& site);

void JudgeSchedulerAttached(DefaultSite& site) {
  const RunFacts& run = site.run();
  std::size_t looked_at = 0;
  bool failed = false;
  for (std::size_t i = 0; i < run.record.schedulers.size(); ++i) {
    const SchedulerRecord& record = run.record.schedulers[i];
    if (IsLeftToCheck(run, i)) continue;
    ++looked_at;
    if (record.end == SchedulerEnd::kDetached) continue;
    Fail(run, record, site.Add());
    failed = true;
  }
  if (looked_at > 0 && !failed) site.Add().message = "every scheduler stayed attached until it was detached";
}

}  // namespace ktstr
