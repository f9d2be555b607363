// A finished run as checks see it, with the words that messages share.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/one_line.h"
#include "guest-init/base/signal_name.h"
#include "interpreter/fold/observations.h"
#include "interpreter/fold/stats.h"
#include "interpreter/scenario/checks/variant_numbers.h"

namespace ktstr {

/// One group with its reports; they point into the RunRecord.
struct GroupReports {
  const WorkerGroup* group = nullptr;
  std::vector<const WorkerReport*> reports;  // completed, one per index
  /// Why each worker that should have reported did not: "worker hot/3 left no report: killed by SIGKILL".
  std::vector<std::string> missing;
  /// Of workers that sent none, what the guest knows of them: at least their time.
  std::vector<const WorkerReport*> lost;
  std::vector<std::string> odd;  // reports that cannot be: a second one of a worker, an index too high
};
/// In the order of record.groups. Reports of unknown groups are left out.
std::vector<GroupReports> GroupsOf(const RunRecord& record);

/// What a scenario says of one of its payloads, for the default checks.
struct PayloadRule {
  std::string payload;
  bool gate = true;              // false: what it does is shown and does not count
  bool exit_is_checked = false;  // a check of the scenario says which exit codes are right
};

/// A `scheduler` check of the scenario: which one may end in which way.
struct ExpectedEnd {
  std::string scheduler;
  SchedulerEnd end{};
};

/// Everything must outlive the judging.
struct RunFacts {
  const RunRecord& record;
  const Stats& stats;  // Fold(record)
  const Observations& observed;
  std::span<const GroupReports> groups;  // GroupsOf(record)
  std::span<const PayloadRule> payload_rules = {};
  std::span<const ExpectedEnd> expected_ends = {};
  std::string_view path = {};                // of the check
  std::string_view other_variant = {};       // that the check compares with; "": with none
  double wait_pct = 0;                       // of the time QEMU wanted a CPU; 0 on the virtual clock
  const VariantNumbers* compared = nullptr;  // of that one; null: it was not run
  std::string_view step = {};                // whose `checks:` the check stands in; "" for the scenario's

  /// Workers that should have reported and did not, over all groups.
  [[nodiscard]] std::size_t MissingWorkers() const;
  /// The rule of a payload; one that has none counts, and its exit is not checked.
  [[nodiscard]] PayloadRule RuleOf(std::string_view payload) const;
};

/// The name of a phase by its index, "" when there is none.
std::string PhaseName(const RunRecord& record, std::uint32_t index);
/// "payload stress", "payload stress in cgroup hot".
std::string PayloadTitle(const PayloadResult& payload);
/// "exited with code 1", "was killed by SIGSEGV", "did not end within its wait and was killed".
std::string HowPayloadEnded(const PayloadDone& done);
/// Nothing when it ended in another way than by exiting.
std::optional<std::int32_t> ExitCodeOf(const PayloadDone& done);
/// "; stderr ends: no space left", or "".
std::string StderrEnd(const PayloadResult& payload);
/// The end of stderr for the detail of a result.
std::string StderrTail(const PayloadResult& payload);
/// The last `size` bytes, beginning at a character's first byte; "..." in front when it was cut.
std::string TailOf(std::string_view text, std::size_t size);

/// "; its cgroup was throttled by cpu.max for 300 ms of it"; "" when it was not.
std::string WhatWasWished(std::uint64_t throttled_ms);

/// One number of a payload: a metric of its output, exit_code or duration_ms.
struct PayloadNumber {
  double value = 0;
  std::string unit;
};
/// Nothing when it has none.
std::optional<PayloadNumber> ReadPayload(const PayloadResult& payload, std::string_view metric);

}  // namespace ktstr
