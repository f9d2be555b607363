#include <catch2/catch.hpp>

#include "interpreter/fold/fold.h"
#include "interpreter/judge/judge.h"
#include "interpreter/scenario/checks/metric_check.h"
#include "test/unit/interpreter/fold/test_fold_record.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

Quantity Q(std::string_view text) {
  Quantity quantity;
  REQUIRE(Quantity::Scalar().parse(text, &quantity).empty());
  return quantity;
}

/// Cgroups hot (gap 2500 ms, 400 iterations) and cold (gap 10 ms) in step warm; hot again in shrink.
RunRecord Record() {
  RunRecord record = RecordWithSteps({"warm", "shrink", "never"});
  record.phases[1] = {1, "warm", 11 * kSec, 12 * kSec, 0, 1000, 2, true, true};
  record.phases[2] = {2, "shrink", 12 * kSec, 13 * kSec, 1000, 1200, 2, true, true};
  record.phases[3].started = record.phases[3].ended = false;
  record.groups = {Group(1, "hot", 1, 1), Group(2, "cold", 1, 1), Group(3, "hot", 1, 2)};
  record.groups[2].work_type = "Bursty";
  for (const std::uint32_t id : {1U, 2U, 3U}) {
    WorkerReport report = Report(0);
    report.max_gap_ms = id == 1 ? 2500 : 10 * id;
    report.max_gap_cpu = id;
    report.iterations = id == 1 ? 400 : 100;
    if (id == 1) report.wake_latencies_ns = {90'000};
    if (id == 1) report.wake_sample_total = 1;
    record.reports.push_back({id, report});
  }
  return record;
}

CheckResult One(const RunRecord& record, const MetricCheck& check, const std::string& step = "",
                const std::string& because = "") {
  CheckList list;
  DefaultChecks::Decl().shorthand->parse("off", &list.defaults);
  list.checks = {{"checks/0", step, CheckOf(check)}};
  list.checks[0].check.because = because;
  const auto results = Judge(record, Fold(record), list);
  REQUIRE(results.size() == 1);
  CHECK(results[0].path == "checks/0");
  CHECK(results[0].check == check.metric);
  return results[0];
}
std::string Said(const CheckResult& result) {
  return std::string(VerdictName(result.verdict)) + " " + result.message;
}
std::string Said(const MetricCheck& check, const std::string& step = "") {
  return Said(One(Record(), check, step));
}

}  // namespace

TEST_CASE("a named group is told apart from its neighbours in the cgroup") {
  RunRecord record = Record();
  record.groups[1].cgroup = "hot";  // beside group 1, in the same phase
  record.groups[0].name = "slow";
  record.groups[1].name = "quick";
  const auto said = [&](const char* group) {
    MetricCheck check{.metric = "max_gap_ms", .cgroup = "hot", .max = Q("1s")};
    if (group != nullptr) check.group = group;
    return Said(One(record, check, "warm"));
  };
  CHECK(said(nullptr) ==
        "FAIL max_gap_ms of cgroup hot in phase warm is 2500 ms (worker hot/slow/0 on cpu 1), above the "
        "maximum "
        "of 1000 ms");
  CHECK(said("slow") ==
        "FAIL max_gap_ms of group slow of cgroup hot in phase warm is 2500 ms (worker hot/slow/0 on cpu 1), "
        "above the maximum of 1000 ms");
  CHECK(said("quick") ==
        "PASS max_gap_ms of group quick of cgroup hot in phase warm is 20 ms (worker hot/quick/0 on cpu 2)");
  CHECK(said("none") ==
        "INCONCLUSIVE no data for max_gap_ms of group none of cgroup hot in phase warm: no worker of cgroup "
        "hot "
        "reported in phase warm");
}

TEST_CASE("a bound in its own unit, with phase, cgroup, worker and reason") {
  MetricCheck check{.metric = "max_gap_ms", .phase = "warm", .cgroup = "hot", .max = Q("2s")};
  const CheckResult result = One(Record(), check, "", "nobody may\nstarve");
  CHECK(Said(result) ==
        "FAIL max_gap_ms of cgroup hot in phase warm is 2500 ms (worker hot/SpinWait/0 on cpu 1), above the "
        "maximum of "
        "2000 ms: nobody may starve");
  CHECK(result.phase == "warm");
  CHECK(result.cgroup == "hot");
  CHECK(result.value == 2500.0);
  CHECK(result.bound == 2000.0);
  CHECK(result.unit == "ms");
  check.max = Q("2500");  // inclusive
  CHECK(Said(check) ==
        "PASS max_gap_ms of cgroup hot in phase warm is 2500 ms (worker hot/SpinWait/0 on cpu 1)");
}

TEST_CASE("min, max and between") {
  MetricCheck check{.metric = "iterations", .phase = "warm", .cgroup = "hot"};
  check.min = Q("400");
  CHECK(Said(check) == "PASS iterations of cgroup hot in phase warm is 400");
  check.min = Q("401");
  CHECK(Said(check) == "FAIL iterations of cgroup hot in phase warm is 400, below the minimum of 401");
  check.min.reset();
  check.between = {Q("100"), Q("399")};
  CHECK(Said(check) == "FAIL iterations of cgroup hot in phase warm is 400, above the maximum of 399");
  check.between = {Q("400"), Q("400")};
  CHECK(Said(check) == "PASS iterations of cgroup hot in phase warm is 400");
  check.between = {Q("500"), Q("900")};
  CHECK(Said(check) == "FAIL iterations of cgroup hot in phase warm is 400, below the minimum of 500");
}

TEST_CASE("without a cgroup every cgroup must hold, and the farthest off is named") {
  MetricCheck check{.metric = "iterations", .phase = "warm", .max = Q("50")};
  CHECK(Said(check) == "FAIL iterations of cgroup hot in phase warm is 400, above the maximum of 50");
  check.max.reset();
  check.min = Q("500");
  CHECK(Said(check) == "FAIL iterations of cgroup cold in phase warm is 100, below the minimum of 500");
  check.min = Q("100");  // all hold: the closest is shown
  CHECK(Said(check) == "PASS iterations of cgroup cold in phase warm is 100");
}

TEST_CASE("without a phase it is the whole run; in a step's checks the step") {
  const MetricCheck check{.metric = "iterations", .cgroup = "hot", .min = Q("1000")};
  CHECK(Said(check) == "FAIL iterations of cgroup hot is 500, below the minimum of 1000");
  CHECK(Said(check, "shrink") ==
        "FAIL iterations of cgroup hot in phase shrink is 100, below the minimum of 1000");
  const MetricCheck other{.metric = "iterations", .phase = "warm", .cgroup = "hot", .min = Q("1000")};
  CHECK(Said(other, "shrink") ==
        "FAIL iterations of cgroup hot in phase warm is 400, below the minimum of 1000");
}

TEST_CASE("phase and run metrics") {
  CHECK(Said(MetricCheck{.metric = "iteration_rate", .phase = "warm", .min = Q("2000")}) ==
        "FAIL iteration_rate in phase warm is 1000 iter/s, below the minimum of 2000 iter/s");
  CHECK(Said(MetricCheck{.metric = "iteration_rate", .min = Q("2000")}) ==
        "FAIL iteration_rate is 600 iter/s, below the minimum of 2000 iter/s");
  CHECK(Said(MetricCheck{.metric = "total_iterations", .min = Q("600")}) == "PASS total_iterations is 600");
}

TEST_CASE("ratios against another phase") {
  MetricCheck check{.metric = "iteration_rate", .phase = "shrink", .vs_phase = "warm", .min_ratio = 0.3};
  CheckResult result = One(Record(), check);
  CHECK(Said(result) ==
        "FAIL iteration_rate in phase shrink is 200 iter/s, 0.2 times the 1000 iter/s of phase warm, below "
        "the minimum "
        "ratio of 0.3");
  CHECK(result.value == 0.2);
  CHECK(result.bound == 0.3);
  CHECK(result.unit == "x");
  check.min_ratio = 0.2;
  CHECK(Said(check) ==
        "PASS iteration_rate in phase shrink is 200 iter/s, 0.2 times the 1000 iter/s of phase warm");
  check.max_ratio = 0.1;
  CHECK(Said(check).ends_with("above the maximum ratio of 0.1"));
  // Both kinds at once: the one that is broken.
  check.max_ratio.reset();
  check.min = Q("300");
  CHECK(Said(check) == "FAIL iteration_rate in phase shrink is 200 iter/s, below the minimum of 300 iter/s");
}

TEST_CASE("a ratio looks at the cgroups that both phases have") {
  MetricCheck check{.metric = "iterations", .phase = "shrink", .vs_phase = "warm", .min_ratio = 0.5};
  CHECK(Said(check) ==
        "FAIL iterations of cgroup hot in phase shrink is 100, 0.25 times the 400 of phase warm, below the "
        "minimum ratio "
        "of 0.5");
  const MetricCheck back{.metric = "iterations", .phase = "warm", .vs_phase = "shrink", .min_ratio = 0.5};
  CHECK(Said(back) == "PASS iterations of cgroup hot in phase warm is 400, 4 times the 100 of phase shrink");
  check.cgroup = "cold";
  CHECK(Said(check) ==
        "INCONCLUSIVE no data for iterations of cgroup cold in phase shrink: no worker of cgroup cold "
        "reported in phase "
        "shrink");
  check = MetricCheck{.metric = "p99_wake_latency_us", .phase = "shrink", .vs_phase = "warm", .max_ratio = 2};
  CHECK(Said(check) ==
        "INCONCLUSIVE no data for p99_wake_latency_us in phase shrink: no cgroup has it there and in phase "
        "warm");
}

TEST_CASE("a ratio to nothing is inconclusive") {
  RunRecord record = Record();
  record.phases[1].iterations_end = 0;
  record.phases[2].iterations_start = 0;
  const MetricCheck check{
      .metric = "iteration_rate", .phase = "shrink", .vs_phase = "warm", .min_ratio = 0.3};
  CHECK(Said(One(record, check)) ==
        "INCONCLUSIVE iteration_rate in phase shrink is 1200 iter/s, which cannot be compared with the 0 "
        "iter/s of phase "
        "warm");
}

TEST_CASE("a check without data is inconclusive and says why") {
  CHECK(Said(MetricCheck{.metric = "max_gap_ms", .phase = "never", .cgroup = "hot", .max = Q("1")}) ==
        "INCONCLUSIVE no data for max_gap_ms of cgroup hot in phase never: phase never was not reached");
  CHECK(Said(MetricCheck{.metric = "max_gap_ms", .phase = "never", .max = Q("1")}) ==
        "INCONCLUSIVE no data for max_gap_ms in phase never: phase never was not reached");
  CHECK(Said(MetricCheck{.metric = "iteration_rate", .phase = "never", .max = Q("1")}) ==
        "INCONCLUSIVE no data for iteration_rate in phase never: phase never was not reached");
  CHECK(
      Said(MetricCheck{.metric = "p99_wake_latency_us", .phase = "warm", .cgroup = "cold", .max = Q("1")}) ==
      "INCONCLUSIVE no data for p99_wake_latency_us of cgroup cold in phase warm: its workers do not measure "
      "it, or had "
      "nothing to measure");
  CHECK(Said(MetricCheck{.metric = "p99_timer_latency_us", .max = Q("1")}) ==
        "INCONCLUSIVE no data for p99_timer_latency_us: no worker measured it");
  CHECK(Said(MetricCheck{.metric = "max_gap_ms", .phase = "shrink", .cgroup = "cold", .max = Q("1")}) ==
        "INCONCLUSIVE no data for max_gap_ms of cgroup cold in phase shrink: no worker of cgroup cold "
        "reported in phase "
        "shrink");
  RunRecord record = Record();
  record.phases[1].ended = false;
  CHECK(Said(One(record, MetricCheck{.metric = "iteration_rate", .phase = "warm", .max = Q("1")})) ==
        "INCONCLUSIVE no data for iteration_rate in phase warm: phase warm did not end");
  record = Record();
  record.reports[0].report.stripped = true;
  record.reports[0].report.wake_latencies_ns.clear();
  CHECK(Said(One(record, MetricCheck{.metric = "p99_wake_latency_us", .cgroup = "hot", .max = Q("1")})) ==
        "INCONCLUSIVE no data for p99_wake_latency_us of cgroup hot: samples were dropped to fit a report "
        "into a frame");
  CHECK(Said(One(RunRecord{}, MetricCheck{.metric = "max_gap_ms", .max = Q("1")})) ==
        "INCONCLUSIVE no data for max_gap_ms: there were no workers");
  CHECK(Said(One(RunRecord{}, MetricCheck{.metric = "worst_gap_ms", .max = Q("1")})) ==
        "INCONCLUSIVE no data for worst_gap_ms: no worker measured it");
}

TEST_CASE("numbers that do not cover all workers decide nothing") {
  RunRecord record = Record();
  record.groups[1].expected = 3;  // two of cold are missing
  CHECK(Said(One(record,
                 MetricCheck{.metric = "max_gap_ms", .phase = "warm", .cgroup = "cold", .max = Q("1s")})) ==
        "INCONCLUSIVE max_gap_ms of cgroup cold in phase warm is 20 ms (worker cold/0 on cpu 2), but 2 of 3 "
        "workers left "
        "no report");
  CHECK(Said(One(record, MetricCheck{.metric = "total_iterations", .min = Q("1")})) ==
        "INCONCLUSIVE total_iterations is 600, but 2 workers left no report");
  // hot is whole and broken: that is certain.
  CHECK(Said(One(record, MetricCheck{.metric = "max_gap_ms", .phase = "warm", .max = Q("1s")}))
            .starts_with("FAIL"));
  record.reports.clear();
  CHECK(Said(One(record, MetricCheck{.metric = "max_gap_ms", .phase = "shrink", .max = Q("1s")})) ==
        "INCONCLUSIVE no data for max_gap_ms of cgroup hot in phase shrink: no worker of cgroup hot reported "
        "in phase "
        "shrink");
}

TEST_CASE("what lint should have found is an ERROR here") {
  CHECK(Said(MetricCheck{.metric = "max_gapp", .max = Q("1")}) == "ERROR there is no metric 'max_gapp'");
  CHECK(Said(MetricCheck{.metric = "iterations", .max = Q("2s")}) ==
        "ERROR the bound of iterations makes no sense: 2s is a time, which cannot bound a plain number");
  CHECK(Said(MetricCheck{.metric = "iteration_rate"}) == "ERROR the check on iteration_rate has no bound");
}

TEST_CASE("payload metrics in checks: every run must hold") {
  RunRecord record = Record();
  const auto payload = [&](const std::string& cgroup, std::uint32_t phase, double ops) {
    PayloadResult result;
    result.name = "stress";
    result.cgroup = cgroup;
    result.phase = phase;
    result.done.started_ns = 5 * kSec;
    result.done.ended_ns = 6 * kSec + 500 * kMs;
    result.done.exit_code = 0;
    result.metrics.metrics = {{"lat", ops, "us", Polarity::kLower, Stream::kStdout}};
    record.payloads.push_back(result);
  };
  payload("cold", 1, 300);
  payload("hot", 1, 100);
  payload("hot", 2, 900);
  MetricCheck check{.metric = "payload.stress.lat", .max = Q("200us")};
  CHECK(Said(One(record, check)) ==
        "FAIL lat of payload stress in cgroup hot in phase shrink is 900 us, above the maximum of 200 us");
  check.phase = "warm";
  CHECK(Said(One(record, check)) ==
        "FAIL lat of payload stress in cgroup cold in phase warm is 300 us, above the maximum of 200 us");
  check.cgroup = "hot";
  CHECK(Said(One(record, check)) == "PASS lat of payload stress in cgroup hot in phase warm is 100 us");
  check.cgroup = "cold";
  check.phase = "shrink";
  CHECK(Said(One(record, check)) ==
        "INCONCLUSIVE no data for payload.stress.lat of cgroup cold in phase shrink: no such payload has "
        "ended there");
  CHECK(Said(One(record, MetricCheck{.metric = "payload.stress.nix", .cgroup = "cold", .max = Q("1")})) ==
        "INCONCLUSIVE no data for nix of payload stress in cgroup cold in phase warm: payload stress in "
        "cgroup cold "
        "printed no such metric");
  CHECK(Said(One(record,
                 MetricCheck{.metric = "payload.stress.duration_ms", .phase = "shrink", .max = Q("1s")})) ==
        "FAIL duration_ms of payload stress in cgroup hot in phase shrink is 1500 ms, above the maximum of "
        "1000 ms");
  CHECK(Said(One(record,
                 MetricCheck{.metric = "payload.stress.exit_code", .phase = "shrink", .max = Q("0")})) ==
        "PASS exit_code of payload stress in cgroup hot in phase shrink is 0");
  CHECK(
      Said(One(record,
               MetricCheck{
                   .metric = "payload.stress.lat", .phase = "shrink", .vs_phase = "warm", .max_ratio = 2})) ==
      "FAIL lat of payload stress in cgroup hot in phase shrink is 900 us, 9 times the 100 us of phase warm, "
      "above the "
      "maximum ratio of 2");
}
