#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "interpreter/fold/fold.h"
#include "interpreter/fold/metrics.h"
#include "interpreter/fold/percentile.h"
#include "interpreter/report/json_value.h"
#include "test/unit/interpreter/fold/test_fold_record.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

using Numbers = std::map<std::string, double>;
Numbers NumbersOf(const NamedMap<double>& metrics) { return {metrics.items.begin(), metrics.items.end()}; }

void Add(RunRecord& record, std::uint32_t group, WorkerReport report) {
  record.reports.push_back({group, std::move(report)});
}

/// Two workers with everything measured, chosen so that every number can be worked out by hand.
RunRecord TwoWorkers() {
  RunRecord record = RecordWithSteps({"warm"});
  WorkerGroup group = Group(1, "hot", 2, 1);
  group.allowed = CpuSet{{0, 1}};
  record.groups = {group};
  record.node_of_cpu = {0, 0, 1, 1};

  WorkerReport a = Report(0);
  a.wall_ns = 2000 * kMs;
  a.cpu_time_ns = 1000 * kMs;
  a.off_cpu_ns = 1000 * kMs;  // 50%
  a.iterations = 300;
  a.work_units = 4000;  // 4000 per CPU second
  a.migration_count = 6;
  a.cpus_used = {0, 1};
  a.max_gap_ms = 30;
  a.max_gap_cpu = 1;
  a.wake_latencies_ns = {1000, 3000};
  a.wake_sample_total = 2;
  a.timer_latencies_ns = {5000};
  a.timer_sample_total = 1;
  a.iteration_costs_ns = {2000, 4000, 6000};
  a.iteration_cost_sample_total = 3;
  a.schedstat_available = true;
  a.schedstat_cpu_time_ns = 1000 * kMs;
  a.run_delay_ns = 40'000;
  a.numa_pages = {{0, 60}, {1, 20}};
  a.vmstat_numa_pages_migrated = 9;
  a.refusals = 3;  // b's work expects none

  WorkerReport b = Report(1);
  b.wall_ns = 2000 * kMs;
  b.cpu_time_ns = 500 * kMs;
  b.off_cpu_ns = 1500 * kMs;  // 75%
  b.iterations = 100;
  b.work_units = 1000;  // 2000 per CPU second
  b.migration_count = 2;
  b.cpus_used = {1, 3};
  b.max_gap_ms = 70;
  b.max_gap_cpu = 3;
  b.wake_latencies_ns = {5000, 7000};
  b.wake_sample_total = 2;
  b.timer_latencies_ns = {9000};
  b.timer_sample_total = 1;
  b.schedstat_available = true;
  b.schedstat_cpu_time_ns = 600 * kMs;
  b.run_delay_ns = 80'000;
  b.numa_pages = {{0, 20}};
  b.vmstat_numa_pages_migrated = 12;
  Add(record, 1, a);
  Add(record, 1, b);
  return record;
}

const Numbers kHot = {
    {"max_gap_ms", 70},
    {"median_wake_latency_us", 3},            // 1, 3, 5, 7: the lower middle
    {"p99_wake_latency_us", 7},               // ceil(3.96) = 4th
    {"wake_latency_cv", std::sqrt(5.0) / 4},  // mean 4, deviations 9, 1, 1, 9
    {"wake_latency_tail_ratio", 7.0 / 3},     // 400 iterations
    {"median_timer_latency_us", 5},
    {"p99_timer_latency_us", 9},
    {"p999_timer_latency_us", 9},
    {"max_timer_latency_us", 9},
    {"median_iteration_cost_us", 4},
    {"p99_iteration_cost_us", 6},
    {"mean_run_delay_us", 60},
    {"max_run_delay_us", 80},
    {"avg_off_cpu_pct", 62.5},
    {"min_off_cpu_pct", 50},
    {"max_off_cpu_pct", 75},
    {"off_cpu_spread_pct", 25},
    {"iterations", 400},
    {"iterations_per_worker", 200},
    {"iterations_per_cpu_sec", 250},  // 400 / 1.6 s
    {"work_units", 5000},
    {"refusals", 3},
    {"min_work_rate", 2000},
    {"throughput_cv", 0.6},  // 4000 and 1000 in a second each
    {"migrations", 8},
    {"migration_ratio", 0.02},
    {"cpu_time_ns", 1.6e9},
    {"page_locality", 0.8},                // 80 of 100 on node 0, the only one of CPUs 0-1
    {"cross_node_migration_ratio", 0.12},  // the larger of 9 and 12, not their sum
    {"num_workers", 2},
    {"num_cpus", 3},
};

void CheckNumbers(const Numbers& found, const Numbers& wanted) {
  for (const auto& [name, value] : wanted) {
    INFO(name);
    REQUIRE(found.count(name) == 1);
    CHECK(found.at(name) == Approx(value));
  }
  for (const auto& [name, value] : found) {
    INFO(name << " = " << value);
    CHECK(wanted.count(name) == 1);
  }
}

}  // namespace

TEST_CASE("every metric of a cgroup, by hand") {
  const Stats stats = Fold(TwoWorkers());
  REQUIRE(stats.cgroups.size() == 1);
  const CgroupStats& hot = stats.cgroups[0];
  CHECK(hot.cgroup == "hot");
  CHECK(hot.num_workers == 2);
  CHECK(hot.missing_workers == 0);
  CHECK(FormatCpus(hot.cpus_used) == "0-1,3");
  CHECK(hot.max_gap_worker == "hot/1");
  CHECK(hot.max_gap_cpu == 3);
  CheckNumbers(NumbersOf(hot.metrics), kHot);
  // A step-local group's report is its phase's.
  REQUIRE(stats.phases.size() == 2);
  REQUIRE(stats.phases[1].per_cgroup.size() == 1);
  CheckNumbers(NumbersOf(stats.phases[1].per_cgroup[0].metrics), kHot);
  CHECK(stats.phases[0].per_cgroup.empty());
}

TEST_CASE("every metric of workers of a cgroup is worked out above") {
  std::size_t count = 0;
  for (const MetricDecl& metric : AllMetrics())
    if (metric.scope == Scope::kCgroup && metric.needs != Needs::kCgroup) ++count;
  CHECK(count == kHot.size());
}

TEST_CASE("run metrics, by hand") {
  RunRecord record = TwoWorkers();
  record.groups.push_back(Group(2, "cold", 1, 1));
  WorkerReport c = Report(0);
  c.wall_ns = 1000 * kMs;
  c.off_cpu_ns = 100 * kMs;
  c.iterations = 50;
  c.migration_count = 5;
  c.max_gap_ms = 20;
  c.wake_latencies_ns = {11'000};
  c.wake_sample_total = 1;
  c.schedstat_available = true;
  c.schedstat_cpu_time_ns = 400 * kMs;
  c.run_delay_ns = 300'000;
  Add(record, 2, c);
  CheckNumbers(NumbersOf(Fold(record).metrics),
               {
                   {"iteration_rate", 100},
                   {"total_phase_iterations", 100},
                   {"total_phase_duration_sec", 1},
                   {"total_workers", 3},
                   {"total_iterations", 450},
                   {"total_migrations", 13},
                   {"total_cpu_time_sec", 2},
                   {"total_iterations_per_cpu_sec", 225},
                   {"worst_gap_ms", 70},
                   {"worst_spread", 25},
                   {"worst_migration_ratio", 0.1},
                   {"worst_iterations_per_worker", 50},
                   {"worst_iterations_per_cpu_sec", 125},
                   {"worst_page_locality", 0.8},
                   {"worst_cross_node_migration_ratio", 0.12},
                   {"cgroup_balance_ratio", 4},
                   // Of the cgroup where it is worst: cold has one sample, 11, and 50 iterations.
                   {"worst_median_wake_latency_us", 11},
                   {"worst_p99_wake_latency_us", 11},
                   {"worst_wake_latency_cv", std::sqrt(5.0) / 4},
                   {"worst_wake_latency_tail_ratio", 7.0 / 3},
                   {"worst_median_timer_latency_us", 5},
                   {"worst_p99_timer_latency_us", 9},
                   {"worst_p999_timer_latency_us", 9},
                   {"worst_timer_latency_us", 9},
                   {"worst_mean_run_delay_us", 300},
                   {"worst_run_delay_us", 300},
               });
}

TEST_CASE("what was not measured is absent, never zero") {
  RunRecord record = RecordWithSteps({"warm"});
  record.groups = {Group(1, "hot", 1, 1)};
  WorkerReport bare;
  bare.completed = true;
  Add(record, 1, bare);
  CheckNumbers(NumbersOf(Fold(record).cgroups.at(0).metrics), {{"iterations", 0},
                                                               {"iterations_per_worker", 0},
                                                               {"work_units", 0},
                                                               {"migrations", 0},
                                                               {"num_workers", 1},
                                                               {"num_cpus", 0}});
}

TEST_CASE("schedstat numbers come only from workers that have schedstat") {
  RunRecord record = TwoWorkers();
  record.reports[1].report.schedstat_available = false;
  const Numbers hot = NumbersOf(Fold(record).cgroups.at(0).metrics);
  CHECK(hot.at("mean_run_delay_us") == 40);
  CHECK(hot.at("iterations_per_cpu_sec") == Approx(300));  // 300 iterations in its one second
  CHECK(hot.at("iterations") == 400);
}

TEST_CASE("a sentinel is missing and gives no numbers") {
  RunRecord record = TwoWorkers();
  record.groups[0].expected = 4;  // the fourth left nothing at all
  WorkerReport dead = Sentinel(2, ExitKind::kSignaled, 9);
  dead.iterations = 1'000'000;  // must not count
  dead.max_gap_ms = 99'999;
  Add(record, 1, dead);
  const Stats stats = Fold(record);
  for (const CgroupStats* row : {&stats.cgroups.at(0), &stats.phases.at(1).per_cgroup.at(0)}) {
    CHECK(row->num_workers == 2);
    CHECK(row->missing_workers == 2);
    CheckNumbers(NumbersOf(row->metrics), kHot);
  }
}

TEST_CASE("workers killed on purpose are not missing") {
  RunRecord record = TwoWorkers();
  record.groups[0].expected = 3;
  record.groups[0].may_be_killed = true;
  Add(record, 1, Sentinel(2, ExitKind::kSignaled, 9));
  CHECK(Fold(record).cgroups.at(0).missing_workers == 0);
}

TEST_CASE("a cgroup of which nobody reported has a row without numbers") {
  RunRecord record = RecordWithSteps({"warm"});
  record.groups = {Group(1, "hot", 2, 1)};
  const Stats stats = Fold(record);
  CHECK(stats.cgroups.at(0).missing_workers == 2);
  CHECK(NumbersOf(stats.cgroups.at(0).metrics) == Numbers{{"num_workers", 0}});
  CHECK(stats.phases.at(1).per_cgroup.at(0).missing_workers == 2);
}

TEST_CASE("the gap keeps its worker and CPU, and of equal ones the later") {
  RunRecord record = TwoWorkers();
  record.reports[0].report.max_gap_ms = 70;
  CHECK(Fold(record).cgroups.at(0).max_gap_worker == "hot/1");
  std::swap(record.reports[0], record.reports[1]);
  const Stats stats = Fold(record);
  CHECK(stats.cgroups.at(0).max_gap_worker == "hot/0");
  CHECK(stats.cgroups.at(0).max_gap_cpu == 1);
}

TEST_CASE("two work entries of a cgroup make one row") {
  RunRecord record = TwoWorkers();
  WorkerGroup second = Group(2, "hot", 1, 1);
  second.work_type = "Bursty";
  record.groups.push_back(second);
  WorkerReport c = Report(0);
  c.iterations = 200;
  c.max_gap_ms = 500;
  c.numa_pages = {{1, 100}};
  Add(record, 2, c);
  const Stats stats = Fold(record);
  REQUIRE(stats.cgroups.size() == 1);
  CHECK(stats.cgroups[0].num_workers == 3);
  CHECK(NumbersOf(stats.cgroups[0].metrics).at("iterations") == 600);
  CHECK(stats.cgroups[0].max_gap_worker == "hot/Bursty/0");
  // Its CPUs are not restricted, so its pages say nothing about locality.
  CHECK(NumbersOf(stats.cgroups[0].metrics).at("page_locality") == 0.8);
  CHECK(NumbersOf(stats.cgroups[0].metrics).at("cross_node_migration_ratio") == 0.06);  // 12 of 200
}

TEST_CASE("a backdrop group gives a slice to each step; BASELINE and the gaps are left out") {
  RunRecord record = RecordWithSteps({"warm", "shrink"});
  WorkerGroup group = Group(1, "steady", 1, 0);
  group.backdrop = true;
  record.groups = {group};
  WorkerReport report = Report(0);
  report.iterations = 1000;
  report.wake_latencies_ns = {50'000};
  report.wake_sample_total = 100;
  report.schedstat_available = true;
  report.schedstat_cpu_time_ns = kSec;
  for (const std::uint32_t phase : {0U, 1U, kBetweenPhases, 2U}) {
    PhaseSlice slice;
    slice.phase = phase;
    slice.iterations = phase == 2 ? 20 : 300;
    slice.work_units = slice.iterations * 10;
    slice.wall_ns = 1000 * kMs;
    slice.off_cpu_ns = phase == 2 ? 900 * kMs : 250 * kMs;
    slice.cpu_time_ns = slice.wall_ns - slice.off_cpu_ns;
    slice.schedstat_cpu_time_ns = 500 * kMs;
    slice.run_delay_ns = 7000;
    slice.wake_latencies_ns = {phase == 2 ? 8000U : 1000U};
    slice.wake_sample_total = phase == 2 ? 1 : 3;
    slice.max_gap_ms = phase == 2 ? 900 : 5;
    slice.max_gap_cpu = 4;
    slice.cpus_used = {phase == 2 ? 4U : 0U};
    report.phase_slices.push_back(slice);
  }
  Add(record, 1, report);
  const Stats stats = Fold(record);
  REQUIRE(stats.phases.size() == 3);
  CHECK(stats.phases[0].label == "BASELINE");
  CHECK(stats.phases[0].per_cgroup.empty());
  const CgroupStats& warm = stats.phases[1].per_cgroup.at(0);
  const CgroupStats& shrink = stats.phases[2].per_cgroup.at(0);
  CHECK(NumbersOf(warm.metrics).at("iterations") == 300);
  CHECK(NumbersOf(warm.metrics).at("avg_off_cpu_pct") == 25);
  CHECK(NumbersOf(warm.metrics).at("min_work_rate") == Approx(4000));  // 3000 in 750 ms of CPU time
  CHECK(NumbersOf(warm.metrics).count("p99_iteration_cost_us") == 0);
  CHECK(NumbersOf(shrink.metrics).at("iterations") == 20);
  CHECK(NumbersOf(shrink.metrics).at("max_gap_ms") == 900);
  CHECK(NumbersOf(shrink.metrics).at("iterations_per_cpu_sec") == 40);
  CHECK(FormatCpus(shrink.cpus_used) == "4");
  // The whole run comes from the report as such, with what happened between the steps.
  CHECK(NumbersOf(stats.cgroups.at(0).metrics).at("iterations") == 1000);
  CHECK(NumbersOf(stats.metrics).at("worst_p99_wake_latency_us") == 50);
}

TEST_CASE("work groups that have a name have rows of their own, beside their cgroup's") {
  RunRecord record = RecordWithSteps({"warm"});
  record.groups = {Group(1, "hot", 1, 1), Group(2, "hot", 1, 1), Group(3, "cold", 1, 1),
                   Group(4, "hot", 1, 1)};
  record.groups[0].name = record.groups[2].name = "slow";
  record.groups[1].name = "fast";
  for (const std::uint32_t id : {1U, 2U, 3U, 4U}) {
    WorkerReport report = Report(0);
    report.iterations = id * 100U;
    Add(record, id, report);
  }
  const auto told = [](const std::vector<CgroupStats>& rows) {
    std::vector<std::string> lines;
    for (const CgroupStats& row : rows)
      lines.push_back(row.cgroup + "/" + row.group + " " +
                      std::to_string(NumbersOf(row.metrics).at("iterations")));
    return lines;
  };
  const Stats stats = Fold(record);
  using Lines = std::vector<std::string>;
  const Lines groups = {"hot/slow 100.000000", "cold/slow 300.000000", "hot/fast 200.000000"};
  CHECK(told(stats.cgroups) == Lines{"hot/ 700.000000", "cold/ 300.000000"});
  CHECK(told(stats.groups) == groups);
  CHECK(told(stats.FindPhase("warm")->per_group) == groups);
}

TEST_CASE("a worker that never ran in a phase is not hidden by its neighbours") {
  RunRecord record = RecordWithSteps({"warm", "starve"});
  WorkerGroup group = Group(1, "crowd", 3, 0);
  group.backdrop = true;
  record.groups = {group};
  for (std::uint32_t index = 0; index < 3; ++index) {
    WorkerReport report = Report(index);
    report.schedstat_available = true;
    for (const std::uint32_t phase : {1U, 2U}) {
      PhaseSlice slice;
      slice.phase = phase;
      slice.wall_ns = kSec;
      const bool starved = phase == 2 && index == 1;
      slice.cpu_time_ns = starved ? 0 : kSec / 2;
      slice.off_cpu_ns = kSec - slice.cpu_time_ns;
      slice.iterations = slice.work_units = starved ? 0 : 100;
      slice.max_gap_ms = starved ? 1000 : 4;
      slice.max_gap_cpu = 1;
      slice.run_delay_ns = starved ? kSec : 0;
      report.phase_slices.push_back(slice);
    }
    // What is known of a worker that left no report counts as well.
    report.completed = index != 1;
    Add(record, 1, report);
  }
  const Stats stats = Fold(record);
  const CgroupStats& row = stats.FindPhase("starve")->per_cgroup.at(0);
  CHECK(row.max_gap_worker == "crowd/1");
  CHECK(row.missing_workers == 1);
  CHECK(NumbersOf(row.metrics).at("max_gap_ms") == 1000);
  CHECK(NumbersOf(row.metrics).at("max_run_delay_us") == 1'000'000);
  CHECK(NumbersOf(row.metrics).at("max_off_cpu_pct") == 100);
  CHECK(NumbersOf(row.metrics).at("avg_off_cpu_pct") == Approx(200.0 / 3));
  CHECK(NumbersOf(row.metrics).at("throughput_cv") == Approx(std::sqrt(0.5)));  // 100, 0, 100 per second
}

TEST_CASE("nice 0 beside nice 10 is unfair by the clock though not by CPU time") {
  RunRecord record = RecordWithSteps({"warm"});
  record.groups = {Group(1, "crowd", 2, 1)};
  for (const std::uint32_t index : {0U, 1U}) {
    WorkerReport report = Report(index);
    report.cpu_time_ns = index == 0 ? 900 * kMs : 100 * kMs;
    report.work_units = index == 0 ? 9000 : 1000;
    Add(record, 1, report);
  }
  CHECK(NumbersOf(Fold(record).cgroups.at(0).metrics).at("throughput_cv") == Approx(0.8));
}

TEST_CASE("a missing backdrop worker is missing in every step since it was started") {
  RunRecord record = RecordWithSteps({"a", "b", "c"});
  record.phases[3].started = false;
  WorkerGroup group = Group(1, "steady", 1, 2);
  group.backdrop = true;
  record.groups = {group};
  const Stats stats = Fold(record);
  REQUIRE(stats.phases.size() == 3);  // BASELINE, a, b
  CHECK(stats.FindPhase("a")->per_cgroup.empty());
  CHECK(stats.FindPhase("b")->per_cgroup.at(0).missing_workers == 1);
  CHECK(stats.FindPhase("c") == nullptr);
}

TEST_CASE("cgroups without a phase still count for the run's distributions") {
  RunRecord record = RecordWithSteps({"a"});
  WorkerGroup group = Group(1, "steady", 1, 0);
  group.backdrop = true;
  record.groups = {group};
  WorkerReport report = Report(0);  // its phase never changed: no slices
  report.wake_latencies_ns = {4000};
  report.wake_sample_total = 1;
  Add(record, 1, report);
  CHECK(NumbersOf(Fold(record).metrics).at("worst_p99_wake_latency_us") == 4);
}

TEST_CASE("phases: times, rates, and when there is no rate") {
  RunRecord record = RecordWithSteps({"a", "b"});
  record.phases[0].iterations_end = 100;  // of BASELINE: no step, so not in the run's rate
  record.phases[1] = {1, "a", 11 * kSec, 13 * kSec, 100, 700, 2, true, true};
  record.phases[2] = {2, "b", 13 * kSec + 500 * kMs, 14 * kSec, 700, 800, 2, true, true};
  Stats stats = Fold(record);
  CHECK(NumbersOf(stats.phases[0].metrics).at("iteration_rate") == Approx(1000));
  CHECK(stats.phases[1].start_ms == 1000);
  CHECK(stats.phases[1].end_ms == 3000U);
  CHECK(NumbersOf(stats.phases[1].metrics) ==
        Numbers{{"iteration_rate", 300}, {"total_phase_iterations", 600}, {"total_phase_duration_sec", 2}});
  CHECK(NumbersOf(stats.phases[2].metrics).at("iteration_rate") == 200);
  CHECK(NumbersOf(stats.metrics).at("iteration_rate") == 280);  // 700 in 2.5 s, not the mean of the rates

  SECTION("backwards: nothing") {
    record.phases[2].iterations_end = 699;
    stats = Fold(record);
    CHECK(stats.phases[2].metrics.items.empty());
    CHECK(NumbersOf(stats.metrics).at("iteration_rate") == 300);
  }
  SECTION("no advance of living workers: a true 0") {
    record.phases[2].iterations_end = 700;
    CHECK(NumbersOf(Fold(record).phases[2].metrics).at("iteration_rate") == 0);
  }
  SECTION("no advance and nobody alive: nothing") {
    record.phases[2].iterations_end = 700;
    record.phases[2].live_workers = 0;
    CHECK(Fold(record).phases[2].metrics.items.empty());
  }
  SECTION("not ended: nothing, and no end") {
    record.phases[2].ended = false;
    stats = Fold(record);
    CHECK(stats.phases[2].metrics.items.empty());
    CHECK_FALSE(stats.phases[2].end_ms.has_value());
  }
  SECTION("no time passed: nothing") {
    record.phases[2].end_ns = record.phases[2].start_ns;
    CHECK(Fold(record).phases[2].metrics.items.empty());
  }
}

TEST_CASE("stripped samples make percentiles absent and are marked") {
  RunRecord record = TwoWorkers();
  record.reports[0].report.stripped = true;
  record.reports[0].report.wake_latencies_ns.clear();
  record.reports[0].report.wake_sample_total = 500;
  const CgroupStats hot = Fold(record).cgroups.at(0);
  CHECK(hot.stripped);
  CHECK(NumbersOf(hot.metrics).count("p99_wake_latency_us") == 0);
  CHECK(NumbersOf(hot.metrics).at("p99_timer_latency_us") == 9);
}

TEST_CASE("the tail ratio needs a hundred iterations, the balance two cgroups") {
  RunRecord record = TwoWorkers();
  record.reports[0].report.iterations = 50;
  record.reports[1].report.iterations = 49;
  Stats stats = Fold(record);
  CHECK(NumbersOf(stats.cgroups.at(0).metrics).count("wake_latency_tail_ratio") == 0);
  CHECK(NumbersOf(stats.metrics).count("worst_wake_latency_tail_ratio") == 0);
  CHECK(NumbersOf(stats.metrics).count("cgroup_balance_ratio") == 0);
  record.reports[1].report.iterations = 50;
  stats = Fold(record);
  CHECK(NumbersOf(stats.cgroups.at(0).metrics).count("wake_latency_tail_ratio") == 1);
}

TEST_CASE("counters saturate instead of wrapping") {
  RunRecord record = TwoWorkers();
  record.reports[0].report.iterations = ~std::uint64_t{0};
  CHECK(NumbersOf(Fold(record).cgroups.at(0).metrics).at("iterations") == Approx(1.8446744073709552e19));
}

TEST_CASE("a second report of a worker and a report of an unknown group are not folded") {
  RunRecord record = TwoWorkers();
  Add(record, 1, record.reports[0].report);
  Add(record, 77, record.reports[0].report);
  CheckNumbers(NumbersOf(Fold(record).cgroups.at(0).metrics), kHot);
}

TEST_CASE("an empty record folds to nothing") {
  const Stats stats = Fold(RunRecord{});
  CHECK(stats.phases.empty());
  CHECK(stats.cgroups.empty());
  CHECK(stats.metrics.items.empty());
}

TEST_CASE("the order of the reports does not matter") {
  RunRecord record = RecordWithSteps({"a", "b"});
  Xorshift64 random(7);
  for (std::uint32_t id = 0; id < 6; ++id) {
    WorkerGroup group = Group(id, id % 2 == 0 ? "hot" : "cold", 5, 1 + id % 2);
    group.backdrop = id >= 4;
    record.groups.push_back(group);
    for (std::uint32_t index = 0; index < 5; ++index) {
      WorkerReport report = Report(index);
      report.iterations = random.Next() % 10'000;
      report.off_cpu_ns = random.Next() % kSec;
      report.cpu_time_ns = kSec - report.off_cpu_ns;
      report.max_gap_ms = index * 6 + id;  // all different: the tie rule is about order
      report.schedstat_available = random.Next() % 2 == 0;
      report.schedstat_cpu_time_ns = report.cpu_time_ns;
      report.run_delay_ns = random.Next() % 1'000'000;
      for (int i = 0; i < 30; ++i) report.wake_latencies_ns.push_back(random.Next() % 50'000);
      report.wake_sample_total = 30 + random.Next() % 10'000;
      for (const std::uint32_t phase : {1U, 2U}) {
        PhaseSlice slice;
        slice.phase = phase;
        slice.iterations = random.Next() % 1000;
        slice.wall_ns = kSec;
        slice.off_cpu_ns = random.Next() % kSec;
        slice.cpu_time_ns = slice.wall_ns - slice.off_cpu_ns;
        slice.max_gap_ms = report.max_gap_ms;
        if (group.backdrop) report.phase_slices.push_back(slice);
      }
      Add(record, id, report);
    }
  }
  const std::string forward = ToJson(Fold(record)).dump();
  for (int round = 0; round < 30; ++round) {
    for (std::size_t i = record.reports.size(); i > 1; --i)
      std::swap(record.reports[i - 1], record.reports[random.Next() % i]);
    REQUIRE(ToJson(Fold(record)).dump() == forward);
  }
}

TEST_CASE("more than the cap of samples in a cgroup are thinned, deterministically") {
  RunRecord record = RecordWithSteps({"a"});
  record.groups = {Group(1, "hot", 3, 1)};
  for (std::uint32_t index = 0; index < 3; ++index) {
    WorkerReport report = Report(index);
    for (std::size_t i = 0; i < kReportSamples; ++i)
      report.wake_latencies_ns.push_back((i % 1000 + 1) * 1000);
    report.wake_sample_total = 5 * kReportSamples;
    Add(record, 1, report);
  }
  const Stats stats = Fold(record);
  const Numbers hot = NumbersOf(stats.cgroups.at(0).metrics);
  CHECK(hot.at("median_wake_latency_us") == Approx(500).margin(10));
  CHECK(hot.at("p99_wake_latency_us") == Approx(990).margin(3));
  CHECK(ToJson(Fold(record)).dump() == ToJson(stats).dump());
}

TEST_CASE("statistics as JSON: metrics by name, absent ones left out") {
  Stats stats;
  PhaseBucket phase;
  phase.index = 1;
  phase.label = "warm";
  phase.metrics.items = {{"iteration_rate", 2.5}};
  CgroupStats row;
  row.cgroup = "hot";
  row.num_workers = 1;
  row.cpus_used = {{0, 1, 2}};
  row.metrics.items = {{"max_gap_ms", 12}};
  phase.per_cgroup = {row};
  stats.phases = {phase};
  CHECK(
      ToJson(stats).dump() ==
      R"({"phases":[{"index":1,"label":"warm","start_ms":0,"metrics":{"iteration_rate":2.5},"per_cgroup":[)"
      R"({"cgroup":"hot","group":"","num_workers":1,"missing_workers":0,"cpus_used":"0-2","max_gap_worker":"",)"
      R"("max_gap_cpu":0,"max_gap_throttled_ms":0,"stripped":false,"metrics":{"max_gap_ms":12.0}}],"per_group":[]}],)"
      R"("cgroups":[],"groups":[],"metrics":{}})");
}
