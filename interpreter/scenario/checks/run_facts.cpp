#include "interpreter/scenario/checks/run_facts.h"

#include <fmt/format.h>

#include <map>

#include "interpreter/fold/metrics.h"

namespace ktstr {
namespace {

constexpr std::size_t kStderrTail = 1024;
constexpr std::size_t kLastLine = 160;

std::string LastLine(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  if (const std::size_t end = text.find_last_of("\r\n"); end != std::string_view::npos)
    text.remove_prefix(end + 1);
  return OneLine(TailOf(text, kLastLine));
}

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

std::vector<GroupReports> GroupsOf(const RunRecord& record) {
  std::vector<GroupReports> groups;
  std::map<std::uint32_t, std::size_t> by_id;
  for (const WorkerGroup& group : record.groups) {
    by_id[group.id] = groups.size();
    groups.push_back({&group, {}, {}, {}, {}});
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
      if (sentinel != lost[i].end() && !sentinel->second->phase_slices.empty())
        entry.lost.push_back(sentinel->second);
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

std::size_t RunFacts::MissingWorkers() const {
  std::size_t missing = 0;
  for (const GroupReports& group : groups) missing += group.missing.size();
  return missing;
}

PayloadRule RunFacts::RuleOf(std::string_view payload) const {
  for (const PayloadRule& rule : payload_rules)
    if (rule.payload == payload) return rule;
  return {std::string(payload)};
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

std::string PayloadTitle(const PayloadResult& payload) {
  return payload.cgroup.empty() ? fmt::format("payload {}", payload.name)
                                : fmt::format("payload {} in cgroup {}", payload.name, payload.cgroup);
}

std::string HowPayloadEnded(const PayloadDone& done) {
  switch (done.end) {
    case PayloadEnd::kKilled:
      return done.signal == SIGKILL ? "was killed by the scenario before it ended"
                                    : "was ended by the scenario with " + SignalName(done.signal);
    case PayloadEnd::kTimedOut:
      return "did not end within its wait and was killed";
    case PayloadEnd::kCollected:
      return "was still running when its time was over and was killed";
    case PayloadEnd::kExited:
      break;
  }
  if (done.signal != 0) return "was killed by " + SignalName(done.signal);
  return fmt::format("exited with code {}", done.exit_code);
}

std::optional<std::int32_t> ExitCodeOf(const PayloadDone& done) {
  if (done.signal != 0 || done.end != PayloadEnd::kExited) return std::nullopt;
  return done.exit_code;
}

std::string StderrEnd(const PayloadResult& payload) {
  const std::string line = LastLine(payload.stderr_text);
  return line.empty() ? line : "; stderr ends: " + line;
}

std::string StderrTail(const PayloadResult& payload) { return TailOf(payload.stderr_text, kStderrTail); }

std::string WhatWasWished(std::uint64_t throttled_ms) {
  std::string text;
  if (throttled_ms > 0)
    text += fmt::format("; its cgroup was throttled by cpu.max for {} ms of it", throttled_ms);
  return text;
}

std::optional<PayloadNumber> ReadPayload(const PayloadResult& payload, std::string_view metric) {
  const PayloadDone& done = payload.done;
  if (metric == kPayloadExitCode) {
    const std::optional<std::int32_t> code = ExitCodeOf(done);
    return code ? std::optional(PayloadNumber{static_cast<double>(*code), ""}) : std::nullopt;
  }
  if (metric == kPayloadDuration) {
    if (done.ended_ns < done.started_ns) return std::nullopt;
    return PayloadNumber{static_cast<double>(done.ended_ns - done.started_ns) / 1e6, "ms"};
  }
  const PayloadMetric* found = payload.metrics.Find(metric);
  if (found == nullptr) return std::nullopt;
  return PayloadNumber{found->value, found->unit};
}

}  // namespace ktstr
