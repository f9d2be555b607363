// Finding what a metric's name stands for, and its value among folded figures.
#include "interpreter/fold/metrics.h"

namespace ktstr {

const MetricDecl* FindMetric(std::string_view name) {
  for (const MetricDecl& metric : AllMetrics())
    if (metric.name == name) return &metric;
  return nullptr;
}

std::vector<std::string_view> MetricNames() {
  std::vector<std::string_view> names;
  for (const MetricDecl& metric : AllMetrics()) names.push_back(metric.name);
  return names;
}

std::optional<double> ReadMetric(const Stats& stats, const MetricDecl& metric,
                                 std::optional<std::string_view> phase, std::string_view cgroup) {
  const PhaseBucket* bucket = nullptr;
  if (phase) {
    bucket = stats.FindPhase(*phase);
    if (bucket == nullptr) return std::nullopt;
  }
  const NamedMap<double>* values = bucket != nullptr ? &bucket->metrics : &stats.metrics;
  if (metric.scope == Scope::kCgroup) {
    const CgroupStats* row = bucket != nullptr ? bucket->Find(cgroup) : stats.FindCgroup(cgroup);
    if (row == nullptr) return std::nullopt;
    values = &row->metrics;
  }
  const double* value = values->Find(metric.name);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<PayloadMetricName> ParsePayloadMetricName(std::string_view name,
                                                        std::span<const std::string> payloads) {
  if (!name.starts_with(kPayloadMetricPrefix)) return std::nullopt;
  name.remove_prefix(kPayloadMetricPrefix.size());
  const std::string* longest = nullptr;
  for (const std::string& payload : payloads) {
    const bool fits =
        name.size() > payload.size() + 1 && name.starts_with(payload) && name[payload.size()] == '.';
    if (fits && (longest == nullptr || payload.size() > longest->size())) longest = &payload;
  }
  if (longest == nullptr) return std::nullopt;
  return PayloadMetricName{*longest, std::string(name.substr(longest->size() + 1))};
}

}  // namespace ktstr
