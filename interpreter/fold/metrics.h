// The metrics that worker reports give: one table, from which come the fold's numbers, the checks' names and
// units, and `explain`. A metric is a row; nothing else spells its name.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/fold/payload_metrics.h"
#include "interpreter/fold/stats.h"

namespace ktstr {

struct CgroupTotals;  // cgroup_totals.h: the raw numbers of one cgroup's workers
struct RunTotals;     // cgroup_totals.h: the raw numbers of a run

enum class Scope : std::uint8_t { kCgroup, kPhase, kRun };
inline constexpr EnumValue kScopes[] = {
    {"cgroup", 0, "One number per cgroup, for a phase or for the whole run."},
    {"phase", 1, "One number per phase, or for all steps together."},
    {"run", 2, "One number per run."}};
constexpr EnumDecl DescribeEnum(Scope) { return {"Scope", kScopes, nullptr, nullptr}; }

/// What must be there for a metric to have data, beside a worker that reports.
enum class Needs : std::uint8_t {
  kWorker,
  kWakeSamples,
  kTimerSamples,
  kIterationCosts,
  kCpuset,
  kTwoCgroups,
  kCgroup,  // that is not the runner's own; no worker
};

struct MetricDecl {
  std::string_view name;
  std::string_view doc;
  std::string_view unit;  // "" for a plain number, "x" for a factor
  Polarity better;
  Scope scope;
  /// Exactly one is set, the one of its scope. Nothing when there is no data.
  std::optional<double> (*of_cgroup)(const CgroupTotals&) = nullptr;
  std::optional<double> (*of_phases)(std::span<const PhaseWindow* const>) = nullptr;
  std::optional<double> (*of_run)(const RunTotals&) = nullptr;
  Needs needs = Needs::kWorker;
  /// No value is outside, whatever happens; both ends are possible.
  double lowest = 0;
  double highest = std::numeric_limits<double>::infinity();
};

/// Whether it is a duration on the guest's clock that should be short, or a ratio of such: what grows when
/// the machine itself gets no CPU. Shares are left out: they compare workers that all suffered.
bool IsLatency(const MetricDecl& metric);
/// Whether it counts work, by time or at all: what shrinks then.
bool IsThroughput(const MetricDecl& metric);

std::span<const MetricDecl> AllMetrics();
/// nullptr when there is none of that name; payload metrics are not in the table.
const MetricDecl* FindMetric(std::string_view name);
/// For suggestions.
std::vector<std::string_view> MetricNames();

/// What a metric reads in a phase (nullopt: the whole run) and a cgroup (Scope::kCgroup only). Nothing when
/// it has no data there.
std::optional<double> ReadMetric(const Stats& stats, const MetricDecl& metric,
                                 std::optional<std::string_view> phase, std::string_view cgroup);

/// `payload.<payload>.<metric>`. A payload's name may hold dots: the longest of `payloads` that fits wins.
struct PayloadMetricName {
  std::string payload;
  std::string metric;
};
inline constexpr std::string_view kPayloadMetricPrefix = "payload.";
/// Every payload also has these two.
inline constexpr std::string_view kPayloadExitCode = "exit_code";
inline constexpr std::string_view kPayloadDuration = "duration_ms";
/// Nothing when `name` lacks the prefix or names none of `payloads`.
std::optional<PayloadMetricName> ParsePayloadMetricName(std::string_view name,
                                                        std::span<const std::string> payloads);

}  // namespace ktstr
