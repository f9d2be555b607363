// Metrics of what the kernel counted of cgroups.
#include <catch2/catch.hpp>

#include "interpreter/fold/fold.h"
#include "interpreter/fold/metrics.h"
#include "test/unit/interpreter/fold/test_fold_record.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

CgroupFigures Figures(const std::string& cgroup, std::uint32_t phase, std::uint64_t periods,
                      std::uint64_t throttled) {
  CgroupFigures figures;
  figures.cgroup = cgroup;
  figures.phase = phase;
  figures.span_ns = kSec;
  figures.cpu_time_us = 300'000;
  figures.periods = periods;
  figures.throttled_periods = throttled;
  figures.throttled_us = throttled * 50'000;
  figures.cpu_pressure_us = 250'000;
  return figures;
}

/// A worker in `work`; in `pay` only payloads.
RunRecord Record() {
  RunRecord record = RecordWithSteps({"warm", "hot"});
  record.groups = {Group(1, "work", 1, 2)};
  record.reports.push_back({1, Report(0)});
  record.cgroup_figures = {Figures("work", kBetweenPhases, 2, 2), Figures("work", 2, 10, 4),
                           Figures("pay", 1, 0, 0), Figures("pay", 2, 8, 8)};
  return record;
}

std::optional<double> Read(const Stats& stats, std::string_view metric, std::string_view cgroup,
                           std::optional<std::string_view> phase = {}) {
  REQUIRE(FindMetric(metric) != nullptr);
  return ReadMetric(stats, *FindMetric(metric), phase, cgroup);
}

}  // namespace

TEST_CASE("what the kernel counted of a cgroup, by phase and in all") {
  const Stats stats = Fold(Record());
  CHECK(Read(stats, "throttled_periods", "work", "hot") == 4);
  CHECK(Read(stats, "throttled_ms", "work", "hot") == 200);
  CHECK(Read(stats, "throttled_pct", "work", "hot") == 40);
  CHECK(Read(stats, "throttled_pct", "work") == 50);  // 6 of 12: the time between phases counts
  CHECK(Read(stats, "cgroup_cpu_time_ms", "work") == 600);
  CHECK(Read(stats, "cpu_pressure_ms", "pay", "hot") == 250);
  CHECK(Read(stats, "cpu_pressure_pct", "pay", "hot") == 25);
  CHECK_FALSE(Read(stats, "throttled_pct", "pay", "warm"));  // it had no period with work
  CHECK_FALSE(Read(stats, "throttled_pct", "work", "warm"));
  CHECK_FALSE(Read(stats, "oom_kills", "work", "hot"));
}

TEST_CASE("a cgroup without workers has no numbers of workers") {
  const Stats stats = Fold(Record());
  REQUIRE(stats.FindCgroup("pay") != nullptr);
  CHECK(stats.FindCgroup("pay")->num_workers == 0);
  CHECK_FALSE(Read(stats, "num_workers", "pay"));
  CHECK_FALSE(Read(stats, "iterations", "pay"));
  CHECK_FALSE(Read(stats, "max_gap_ms", "pay", "hot"));
  CHECK(stats.metrics.Find("total_workers") != nullptr);
  CHECK(*stats.metrics.Find("total_workers") == 1);
}

TEST_CASE("pressure is never more than all of the time") {
  RunRecord record = Record();
  record.cgroup_figures[1].cpu_pressure_us = 1'000'001;
  CHECK(Read(Fold(record), "cpu_pressure_pct", "work", "hot") == 100);
  record.cgroup_figures[1].span_ns = 0;
  CHECK_FALSE(Read(Fold(record), "cpu_pressure_pct", "work", "hot"));
}
