// Checks against another variant: what is measured for them, and how they are judged.
#include <catch2/catch.hpp>

#include "interpreter/fold/fold.h"
#include "interpreter/judge/judge.h"
#include "interpreter/scenario/checks/metric_check.h"
#include "test/unit/interpreter/fold/test_fold_record.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

/// Cgroup a with so many iterations, and b with ten.
RunRecord Record(std::uint64_t iterations) {
  RunRecord record = RecordWithSteps({"only"});
  record.groups = {Group(1, "a", 1, 1), Group(2, "b", 1, 1)};
  for (const std::uint32_t id : {1U, 2U}) {
    WorkerReport report = Report(0);
    report.iterations = id == 1 ? iterations : 10;
    record.reports.push_back({id, report});
  }
  return record;
}

CheckList List(const MetricCheck& check, bool only_measures) {
  CheckList list;
  DefaultChecks::Decl().shorthand->parse("off", &list.defaults);
  list.checks = {{"checks/0", "", CheckOf(check), "eevdf", only_measures}};
  return list;
}

VariantNumbers Base(const MetricCheck& check, const RunRecord& record) {
  return {"eevdf", "", 0, false, NumbersForOthers(record, Fold(record), List(check, true))};
}

std::string Said(const MetricCheck& check, const RunRecord& record, const std::vector<VariantNumbers>& others,
                 double wait_pct = 0) {
  const auto results = Judge(record, Fold(record), List(check, false), {}, {others, wait_pct});
  REQUIRE(results.size() == 1);
  return std::string(VerdictName(results[0].verdict)) + " " + results[0].message;
}

const MetricCheck kOfA{.metric = "iterations", .cgroup = "a", .min_ratio = 0.9, .vs_variant = "eevdf"};
const MetricCheck kOfAll{.metric = "iterations", .min_ratio = 0.9, .vs_variant = "eevdf"};

}  // namespace

TEST_CASE("a number is compared with the same one of the other variant") {
  const std::vector<VariantNumbers> others = {Base(kOfA, Record(400))};
  CHECK(Said(kOfA, Record(360), others) ==
        "PASS iterations of cgroup a is 360, 0.9 times the 400 of variant eevdf");
  CHECK(Said(kOfA, Record(200), others) ==
        "FAIL iterations of cgroup a is 200, 0.5 times the 400 of variant eevdf, below the minimum ratio of "
        "0.9");
}

TEST_CASE("without a cgroup each is compared with its own") {
  const std::vector<VariantNumbers> others = {Base(kOfAll, Record(400))};
  REQUIRE(others[0].numbers.size() == 2);
  CHECK(Said(kOfAll, Record(100), others) ==
        "FAIL iterations of cgroup a is 100, 0.25 times the 400 of variant eevdf, below the minimum ratio of "
        "0.9");
  CHECK(Said(kOfAll, Record(500), others) ==
        "PASS iterations of cgroup b is 10, 1 times the 10 of variant eevdf");
}

TEST_CASE("the variant that others are compared with has no result for that") {
  CHECK(Judge(Record(1), Fold(Record(1)), List(kOfA, true)).empty());
}

TEST_CASE("without the other variant's number a check is inconclusive and says why") {
  CHECK(Said(kOfA, Record(360), {}) ==
        "INCONCLUSIVE no data for iterations of cgroup a: variant eevdf was not run");
  std::vector<VariantNumbers> others = {
      {"eevdf", "it is an ERROR: the guest panicked", 0, false, {{"checks/0", "a", 0, 400.0, ""}}}};
  CHECK(Said(kOfA, Record(360), others) ==
        "INCONCLUSIVE no data for iterations of cgroup a: nothing can be compared with variant eevdf: it is "
        "an ERROR: "
        "the guest panicked");
  others = {{"eevdf", "", 0, false, {{"checks/0", "a", 0, std::nullopt, "no worker of cgroup a reported"}}}};
  CHECK(Said(kOfA, Record(360), others) ==
        "INCONCLUSIVE no data for iterations of cgroup a: variant eevdf has none: no worker of cgroup a "
        "reported");
  others = {{"eevdf", "", 0, false, {{"checks/0", "a", 0, 0.0, ""}}}};
  CHECK(Said(kOfA, Record(360), others) ==
        "INCONCLUSIVE iterations of cgroup a is 360, which cannot be compared with the 0 of variant eevdf");
}

TEST_CASE("a number that does not cover all workers is none to compare with") {
  RunRecord record = Record(400);
  record.reports.pop_back();  // b's worker left no report
  const VariantNumbers base = Base(kOfAll, record);
  const VariantNumber* const of_b = base.Find("checks/0", "b", 0);
  REQUIRE(of_b != nullptr);
  CHECK_FALSE(of_b->value);
  CHECK(of_b->no_data == "1 of 1 workers left no report");
}

TEST_CASE("a cgroup that only the other variant measured is not passed over") {
  RunRecord record = Record(400);
  record.groups.pop_back();
  record.reports.pop_back();
  std::vector<VariantNumbers> others = {Base(kOfAll, Record(400))};
  CHECK(Said(kOfAll, record, others).starts_with("PASS"));  // nor was it there
  record.groups.push_back(Group(2, "b", 0, 1));
  CHECK(Said(kOfAll, record, others).starts_with("INCONCLUSIVE"));
}

TEST_CASE("where QEMU waited for CPUs, throughputs decide only what their true values would decide, too") {
  // 400, or up to 800: the ratio of 360 is 0.45 to 0.9.
  std::vector<VariantNumbers> others = {{"eevdf", "", 50, true, {{"checks/0", "a", 0, 400.0, ""}}}};
  MetricCheck check = kOfA;
  check.min_ratio = 0.45;
  CHECK(Said(check, Record(360), others) ==
        "PASS iterations of cgroup a is 360, 0.9 times the 400 of variant eevdf");
  check.min_ratio = 0.5;
  CHECK(Said(check, Record(360), others) ==
        "INCONCLUSIVE iterations of cgroup a is 360, 0.9 times the 400 of variant eevdf, but QEMU waited for "
        "CPUs of "
        "the host 0 % of the time, and 50 % in that variant: too much to say");
  check.min_ratio = 0.91;
  CHECK(Said(check, Record(360), others) ==
        "FAIL iterations of cgroup a is 360, 0.9 times the 400 of variant eevdf, below the minimum ratio of "
        "0.91");
  // 360, or up to 450, against 400: 0.9 to 1.125.
  others[0].wait_pct = 0;
  others[0].poor_host = false;
  check.min_ratio = 1;
  CHECK(Said(check, Record(360), others, 20) ==
        "INCONCLUSIVE iterations of cgroup a is 360, 0.9 times the 400 of variant eevdf, but QEMU waited for "
        "CPUs of "
        "the host 20 % of the time, and 0 % in that variant: too much to say");
  check.min_ratio = 1.2;
  CHECK(Said(check, Record(360), others, 20).starts_with("FAIL"));
  check.min_ratio.reset();
  check.max_ratio = 1.2;
  CHECK(Said(check, Record(360), others, 20).starts_with("PASS"));
}

TEST_CASE("of anything but a throughput, a variant whose host was poor says nothing") {
  const std::vector<VariantNumbers> others = {{"eevdf", "", 50, true, {{"checks/0", "a", 0, 5.0, ""}}}};
  CHECK(Said({.metric = "max_gap_ms", .cgroup = "a", .max_ratio = 2, .vs_variant = "eevdf"}, Record(360),
             others) ==
        "INCONCLUSIVE no data for max_gap_ms of cgroup a: the host of variant eevdf was oversubscribed: QEMU "
        "waited "
        "50 % of the time for a CPU");
}
