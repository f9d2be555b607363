#include <algorithm>
#include <catch2/catch.hpp>

#include "interpreter/fold/metrics.h"
#include "interpreter/judge/cpu_quality.h"

namespace ktstr {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

CheckResult Failed(std::string check) {
  CheckResult result;
  result.verdict = Verdict::kFail;
  result.check = std::move(check);
  result.message = "it is too much";
  return result;
}

TEST_CASE("the share of waiting gives the grade") {
  CHECK(WaitPct({0, 0}) == 0);
  CHECK(WaitPct({660 * kMs, 340 * kMs}) == Approx(34));
  CHECK(GradeCpu({0, 0}) == CpuGrade::kGood);
  CHECK(GradeCpu({950 * kMs, 50 * kMs}) == CpuGrade::kGood);  // 5 %
  CHECK(GradeCpu({940 * kMs, 60 * kMs}) == CpuGrade::kFair);
  CHECK(GradeCpu({760 * kMs, 240 * kMs}) == CpuGrade::kFair);
  CHECK(GradeCpu({750 * kMs, 250 * kMs}) == CpuGrade::kPoor);  // 25 %
  CHECK(GradeCpu({10 * kMs, 19 * kMs}) == CpuGrade::kGood);    // an idle guest
  CHECK(GradeCpu({10 * kMs, 20 * kMs}) == CpuGrade::kPoor);
}

TEST_CASE("on a poor host a failed check on latency or throughput decides nothing") {
  std::vector<CheckResult> results = {Failed("p99_wake_latency_us"), Failed("no_stall"), Failed("iterations"),
                                      Failed("workers_reported"), Failed("exit_code of payload x")};
  results.push_back(Failed("max_gap_ms"));
  results.back().verdict = Verdict::kPass;
  ExcuseStarvedHost(CpuGrade::kPoor, 34.4, {}, results);
  CHECK(results[0].verdict == Verdict::kInconclusive);
  CHECK(results[0].message ==
        "the host was oversubscribed: QEMU waited 34 % of the time for a CPU; it is too much");
  CHECK(results[1].verdict == Verdict::kInconclusive);
  CHECK(results[2].verdict == Verdict::kInconclusive);
  for (const std::size_t i : {3U, 4U}) {
    CHECK(results[i].verdict == Verdict::kFail);
    CHECK(results[i].message == "it is too much");
  }
  CHECK(results[5].verdict == Verdict::kPass);
  CHECK(results[5].message == "it is too much");
}

TEST_CASE("no host is so poor that it makes a latency too short, or a throughput too high") {
  const auto verdict = [](const std::string& check, double value, double bound, const std::string& unit) {
    std::vector<CheckResult> results = {Failed(check)};
    results.front().value = value;
    results.front().bound = bound;
    results.front().unit = unit;
    ExcuseStarvedHost(CpuGrade::kPoor, 60, {}, results);
    return results.front().verdict;
  };
  CHECK(verdict("iterations", 10, 20, "") == Verdict::kInconclusive);
  CHECK(verdict("iterations", 20, 10, "") == Verdict::kFail);
  CHECK(verdict("max_gap_ms", 20, 10, "ms") == Verdict::kInconclusive);
  CHECK(verdict("max_gap_ms", 10, 20, "ms") == Verdict::kFail);
  CHECK(verdict("iterations", 20, 10, "x") == Verdict::kInconclusive);  // the other phase had no CPU
  CHECK(verdict("max_gap_ms", 5100, 2000, "ms") == Verdict::kFail);     // 2040 ms of it are the guest's
  CHECK(verdict("max_gap_ms", 4900, 2000, "ms") == Verdict::kInconclusive);
  CHECK(verdict("p99_wake_latency_us", 1'000'000, 300'000, "us") == Verdict::kFail);
  CHECK(verdict("p99_wake_latency_us", 999'999, 300'000, "us") == Verdict::kInconclusive);
}

TEST_CASE("a stall that is too long even without the host's share stays a failure") {
  std::vector<CheckResult> results = {Failed("no_stall"), Failed("progress")};
  results[0].value = 4000;  // 2800 ms of it the guest ran, and ran something else
  results[1].value = 2500;  // 1750 ms
  for (CheckResult& result : results) result.bound = 2000;
  ExcuseStarvedHost(CpuGrade::kPoor, 30, {}, results);
  CHECK(results[0].verdict == Verdict::kFail);
  CHECK(results[1].verdict == Verdict::kInconclusive);
}

TEST_CASE("a worker that a signal stopped is not excused by a poor host") {
  const auto verdict = [](TaskState state) {
    WorkerReport report;
    report.max_gap_ms = report.max_gap_at_ms = 5000;
    PhaseSlice slice;
    slice.wall_ns = 5000 * kMs;
    slice.state = state;
    report.phase_slices = {slice};
    RunRecord record;
    record.reports = {{0, report}};
    std::vector<CheckResult> results = {Failed("no_stall")};
    results.front().value = 5000;
    results.front().bound = 2000;
    ExcuseStarvedHost(CpuGrade::kPoor, 67, record, results);  // 1650 ms of it the guest ran
    return results.front().verdict;
  };
  CHECK(verdict(TaskState::kStopped) == Verdict::kFail);
  CHECK(verdict(TaskState::kUnknown) == Verdict::kInconclusive);
}

TEST_CASE("on a poor host lockups and stalls that the kernel complains of decide nothing") {
  const auto verdict = [](const std::vector<std::string>& complaints, std::uint64_t seen,
                          std::uint64_t taint) {
    RunRecord record;
    for (const std::string& text : complaints)
      record.kernel_log.complaints.push_back({.kind = "", .text = text, .more = {}});
    record.kernel_log.complaints_seen = seen;
    record.kernel_log.taint_before = 0;
    record.kernel_log.taint_after = taint;
    std::vector<CheckResult> results = {Failed("kernel_complaints")};
    ExcuseStarvedHost(CpuGrade::kPoor, 60, record, results);
    return results.front().verdict;
  };
  const std::string lockup = "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [swapper/1:0]";
  const std::string stall = "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:";
  const std::string warning = "WARNING: CPU: 0 PID: 1 at kernel/sched/core.c:1";
  CHECK(verdict({lockup, stall}, 2, 1U << 14) == Verdict::kInconclusive);
  CHECK(verdict({lockup, warning}, 2, (1U << 14) | (1U << 9)) == Verdict::kFail);
  CHECK(verdict({lockup}, 2, 0) == Verdict::kFail);        // what the other one said is not known
  CHECK(verdict({lockup}, 1, 1U << 9) == Verdict::kFail);  // something else tainted the kernel
  CHECK(verdict({}, 0, 1U << 14) == Verdict::kFail);
}

TEST_CASE("a machine that the host stopped decides nothing where that explains the failure") {
  RunRecord record;
  record.phases.push_back({1, "warm", 0, 5'000 * kMs, 0, 0, 0, true, true});
  WorkerReport report;
  report.wall_ns = 50'000 * kMs;
  PhaseSlice slice;
  slice.phase = 1;
  slice.wall_ns = 50'000 * kMs;
  report.machine_stopped_ns = slice.machine_stopped_ns = 3000 * kMs;
  report.phase_slices = {slice};
  record.reports = {{1, report}};
  std::vector<CheckResult> results(3, Failed("max_gap_ms"));
  for (CheckResult& result : results) {
    result.phase = "warm";
    result.unit = "ms";
    result.value = 3004;
    result.bound = 50;
  }
  results[1].value = 3100;
  results[2].phase = "cold";
  ExcuseMachineStops(record, results);
  CHECK(results[0].verdict == Verdict::kInconclusive);
  CHECK(results[0].message ==
        "nothing at all ran in the guest for 3000 ms: the host had stopped the machine; it is too much");
  CHECK(results[1].verdict == Verdict::kFail);
  CHECK(results[2].verdict == Verdict::kFail);
}

TEST_CASE("on any other host it fails") {
  for (const CpuGrade grade :
       {CpuGrade::kNotMeasured, CpuGrade::kNotApplicable, CpuGrade::kGood, CpuGrade::kFair}) {
    std::vector<CheckResult> results = {Failed("max_gap_ms")};
    ExcuseStarvedHost(grade, 90, {}, results);
    CHECK(results[0].verdict == Verdict::kFail);
  }
}

TEST_CASE("which metrics are latencies") {
  const auto all = AllMetrics();
  CHECK(std::count_if(all.begin(), all.end(), &IsLatency) == 28);
  for (const std::string_view name :
       {"max_gap_ms", "wake_latency_cv", "worst_wake_latency_tail_ratio", "mean_run_delay_us",
        "worst_timer_latency_us", "median_iteration_cost_us"})
    CHECK(IsLatency(*FindMetric(name)));
  for (const std::string_view name :
       {"off_cpu_spread_pct", "cpu_time_ns", "iteration_rate", "migration_ratio"})
    CHECK_FALSE(IsLatency(*FindMetric(name)));
}

}  // namespace
}  // namespace ktstr
