// The parts of judge. Internal to it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/one_line.h"
#include "guest-init/base/signal_name.h"
#include "interpreter/judge/judge.h"
#include "interpreter/scenario/checks.h"

namespace ktstr {

using CheckResults = std::vector<CheckResult>;

/// One group with its reports.
struct GroupReports {
  const WorkerGroup* group = nullptr;
  std::vector<const WorkerReport*> reports;  // completed, one an index
  /// Why each worker that should have reported did not: "worker hot/3 left no report: killed by SIGKILL".
  std::vector<std::string> missing;
  std::vector<std::string> odd;  // reports that cannot be: a second one of a worker, an index too high
};
std::vector<GroupReports> GroupsOf(const RunRecord& record);
/// Workers that should have reported and did not, over all groups.
std::size_t MissingWorkers(const std::vector<GroupReports>& groups);

void JudgeDefaults(const RunRecord& record, const std::vector<GroupReports>& groups,
                   const DefaultChecks& checks, const std::string& path, CheckResults& results);
void JudgeMetric(const RunRecord& record, const Stats& stats, std::size_t missing_workers,
                 const PlacedCheck& check, CheckResults& results);
/// A check on a snapshot, a read, a watch, or a series of them. REQUIRES: OfObservation().
void JudgeObservation(const RunRecord& record, const Observations& observed, const PlacedCheck& check,
                      CheckResults& results);
void JudgeMonitor(const Observations& observed, CheckResults& results);
void JudgePayloads(const RunRecord& record, const std::vector<PlacedPayloadChecks>& payloads,
                   CheckResults& results);

/// One number of a payload: a metric of its output, exit_code or duration_ms. Nothing when it has none.
struct PayloadNumber {
  double value = 0;
  std::string unit;
};
std::optional<PayloadNumber> ReadPayload(const PayloadResult& payload, std::string_view metric);

/// "payload stress", "payload stress in cgroup hot".
std::string PayloadTitle(const PayloadResult& payload);
/// The name of a phase by its index, "" when there is none.
std::string PhaseName(const RunRecord& record, std::uint32_t index);
/// The last `size` bytes, beginning at a character's first byte; "..." in front when it was cut.
std::string TailOf(std::string_view text, std::size_t size);

}  // namespace ktstr
