#include <catch2/catch.hpp>
#include <set>

#include "interpreter/fold/metrics.h"

using namespace ktstr;

TEST_CASE("the metric table: unique names, docs, one way to read each") {
  std::set<std::string_view> names;
  for (const MetricDecl& metric : AllMetrics()) {
    INFO(metric.name);
    CHECK(names.insert(metric.name).second);
    CHECK(metric.doc.ends_with('.'));
    CHECK((metric.of_cgroup != nullptr) == (metric.scope == Scope::kCgroup));
    CHECK((metric.of_phases != nullptr) == (metric.scope == Scope::kPhase));
    CHECK((metric.of_run != nullptr) == (metric.scope == Scope::kRun));
    CHECK(FindMetric(metric.name) == &metric);
    // The unit in a name is the unit.
    if (metric.name.ends_with("_us")) CHECK(metric.unit == "us");
    if (metric.name.ends_with("_ms")) CHECK(metric.unit == "ms");
    if (metric.name.ends_with("_pct")) CHECK(metric.unit == "%");
  }
  CHECK(MetricNames().size() == names.size());
  CHECK(FindMetric("payload.x.y") == nullptr);
  CHECK(FindMetric("") == nullptr);
}

TEST_CASE("reading a metric by phase and cgroup") {
  const auto row = [](double gap) {
    CgroupStats stats;
    stats.cgroup = "hot";
    stats.metrics.items = {{"max_gap_ms", gap}};
    return stats;
  };
  Stats stats;
  stats.cgroups = {row(9)};
  stats.metrics.items = {{"iteration_rate", 5}, {"total_iterations", 77}};
  stats.phases.resize(1);
  stats.phases[0].label = "warm";
  stats.phases[0].per_cgroup = {row(4)};
  stats.phases[0].metrics.items = {{"iteration_rate", 6}};
  const MetricDecl& gap = *FindMetric("max_gap_ms");
  const MetricDecl& rate = *FindMetric("iteration_rate");
  CHECK(ReadMetric(stats, gap, std::nullopt, "hot") == 9.0);
  CHECK(ReadMetric(stats, gap, "warm", "hot") == 4.0);
  CHECK_FALSE(ReadMetric(stats, gap, "warm", "cold").has_value());
  CHECK_FALSE(ReadMetric(stats, gap, "cool", "hot").has_value());
  CHECK(ReadMetric(stats, rate, std::nullopt, "") == 5.0);
  CHECK(ReadMetric(stats, rate, "warm", "") == 6.0);
  CHECK(ReadMetric(stats, *FindMetric("total_iterations"), std::nullopt, "") == 77.0);
  CHECK_FALSE(ReadMetric(stats, *FindMetric("worst_gap_ms"), std::nullopt, "").has_value());
}

TEST_CASE("payload metric names") {
  const std::vector<std::string> payloads = {"stress", "a", "a.b"};
  const auto parsed = [&](std::string_view name) {
    const auto found = ParsePayloadMetricName(name, payloads);
    return found ? found->payload + "|" + found->metric : "";
  };
  CHECK(parsed("payload.stress.bogo_ops") == "stress|bogo_ops");
  CHECK(parsed("payload.stress.jobs.0.iops") == "stress|jobs.0.iops");
  CHECK(parsed("payload.a.b.c") == "a.b|c");
  CHECK(parsed("payload.a.c") == "a|c");
  CHECK(parsed("payload.a.b") == "a|b");
  CHECK(parsed("payload.stress").empty());
  CHECK(parsed("payload.stress.").empty());
  CHECK(parsed("payload.stresses.x").empty());
  CHECK(parsed("stress.x").empty());
}
