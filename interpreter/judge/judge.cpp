#include "interpreter/judge/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "interpreter/judge/judge_parts.h"

namespace ktstr {
namespace {

std::string HowItEnded(const std::optional<ExitInfo>& exit) {
  if (!exit) return "it said nothing about how it ended";
  std::string how;
  switch (exit->kind) {
    case ExitKind::kExited:
      how = fmt::format("exited with code {}", exit->code);
      break;
    case ExitKind::kSignaled:
      how = "killed by " + SignalName(exit->code);
      break;
    case ExitKind::kTimedOut:
      how = "it did not stop in time and was killed";
      break;
    case ExitKind::kWaitFailed:
      how = "it could not be reaped";
      break;
  }
  return exit->text.empty() ? how : fmt::format("{} ({})", how, OneLine(exit->text));
}

/// Whether a scenario that kills workers can have ended it.
bool KilledOnPurpose(const WorkerGroup& group, const std::optional<ExitInfo>& exit) {
  if (!group.may_be_killed) return false;
  if (!exit) return true;
  constexpr int kSigKill = 9;
  constexpr int kSigTerm = 15;
  return exit->kind == ExitKind::kSignaled && (exit->code == kSigKill || exit->code == kSigTerm);
}

}  // namespace

const StructDecl& CheckResult::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&CheckResult::verdict>("verdict", ""),
      Required<&CheckResult::check>("check", "what was checked"),
      Required<&CheckResult::path>("path", "document path of the check"),
      Required<&CheckResult::phase>("phase", "\"\" for the whole run"),
      Required<&CheckResult::cgroup>("cgroup", ""),
      Required<&CheckResult::message>("message", "the cause, in one line"),
      Required<&CheckResult::detail>("detail", "more lines for people"),
      Optional<&CheckResult::value>("value", ""),
      Optional<&CheckResult::bound>("bound", "the bound it was held against"),
      Required<&CheckResult::unit>("unit", "of value and bound"),
      Required<&CheckResult::counts>("counts", "false: shown only"),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<CheckResult>("CheckResult", "What came of one check.", kFields);
  return kDecl;
}

std::vector<GroupReports> GroupsOf(const RunRecord& record) {
  std::vector<GroupReports> groups;
  std::map<std::uint32_t, std::size_t> by_id;
  for (const WorkerGroup& group : record.groups) {
    by_id[group.id] = groups.size();
    groups.push_back({&group, {}, {}, {}});
  }
  std::vector<std::map<std::uint32_t, const WorkerReport*>> done(groups.size());
  std::vector<std::map<std::uint32_t, const WorkerReport*>> lost(groups.size());
  for (const auto& [id, report] : record.reports) {
    const auto at = by_id.find(id);
    if (at == by_id.end()) continue;  // workers_reported complains
    GroupReports& entry = groups[at->second];
    const std::string name = WorkerName(record, *entry.group, report.index);
    if (report.index >= entry.group->expected)
      entry.odd.push_back(
          fmt::format("worker {} left a report, but only {} were started", name, entry.group->expected));
    if (!report.completed)
      lost[at->second][report.index] = &report;
    else if (!done[at->second].emplace(report.index, &report).second)
      entry.odd.push_back(fmt::format("worker {} left two reports", name));
  }
  for (std::size_t i = 0; i < groups.size(); ++i) {
    GroupReports& entry = groups[i];
    for (const auto& [index, report] : done[i]) entry.reports.push_back(report);
    for (std::uint32_t index = 0; index < entry.group->expected; ++index) {
      if (done[i].contains(index)) continue;
      const auto sentinel = lost[i].find(index);
      const std::optional<ExitInfo> exit =
          sentinel == lost[i].end() ? std::nullopt : sentinel->second->exit_info;
      if (KilledOnPurpose(*entry.group, exit)) continue;
      entry.missing.push_back(
          fmt::format("worker {} left no report: {}", WorkerName(record, *entry.group, index),
                      sentinel == lost[i].end() ? "nothing was received from it" : HowItEnded(exit)));
    }
  }
  return groups;
}

std::size_t MissingWorkers(const std::vector<GroupReports>& groups) {
  std::size_t missing = 0;
  for (const GroupReports& group : groups) missing += group.missing.size();
  return missing;
}

std::string PhaseName(const RunRecord& record, std::uint32_t index) {
  for (const PhaseWindow& phase : record.phases)
    if (phase.index == index) return phase.name;
  return {};
}

std::string TailOf(std::string_view text, std::size_t size) {
  if (text.size() <= size) return std::string(text);
  text.remove_prefix(text.size() - size);
  constexpr std::size_t kLongestCharacter = 4;
  for (std::size_t i = 1; i < kLongestCharacter && !text.empty() && (text[0] & 0xc0) == 0x80; ++i)
    text.remove_prefix(1);
  return "..." + std::string(text);
}

std::vector<CheckResult> Judge(const RunRecord& record, const Stats& stats, const CheckList& checks,
                               const Observations& observed) {
  CheckResults results;
  const std::vector<GroupReports> groups = GroupsOf(record);
  JudgeDefaults(record, groups, checks.defaults, checks.defaults_path, results);
  for (const PlacedCheck& check : checks.checks) {
    if (check.check.OfObservation())
      JudgeObservation(record, observed, check, results);
    else
      JudgeMetric(record, stats, MissingWorkers(groups), check, results);
  }
  JudgeMonitor(observed, results);
  JudgePayloads(record, checks.payloads, results);
  return results;
}

Verdict Overall(std::span<const CheckResult> results) {
  Verdict worst = Verdict::kPass;
  for (const CheckResult& result : results)
    if (result.counts) worst = Worse(worst, result.verdict);
  return worst;
}

const CheckResult* FirstCause(std::span<const CheckResult> results) {
  const Verdict worst = Overall(results);
  if (worst == Verdict::kPass) return nullptr;
  const auto at = std::find_if(results.begin(), results.end(), [&](const CheckResult& result) {
    return result.counts && result.verdict == worst;
  });
  return &*at;
}

}  // namespace ktstr
