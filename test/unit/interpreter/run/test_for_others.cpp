// What a run leaves for the variants that are compared with it.
#include <catch2/catch.hpp>

#include "interpreter/fold/fold.h"
#include "interpreter/run/for_others.h"
#include "interpreter/scenario/checks/metric_check.h"
#include "test/unit/interpreter/fold/test_fold_record.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

RunPlan Plan(bool only_measures = true) {
  RunPlan plan;
  plan.variant = "eevdf";
  const MetricCheck check{.metric = "iterations", .cgroup = "a", .min_ratio = 1, .vs_variant = "eevdf"};
  plan.checks.checks = {{"checks/0", "", CheckOf(check), "eevdf", only_measures}};
  return plan;
}

/// A worker of `a`, with 100 iterations in a second.
RunOutcome Outcome() {
  RunOutcome outcome;
  outcome.verdict = Verdict::kPass;
  outcome.record = RecordWithSteps({"only"});
  outcome.record.groups = {Group(1, "a", 1, 1)};
  outcome.record.reports = {{1, Report(0)}};
  outcome.stats = Fold(outcome.record);
  outcome.machine.cpu_quality = CpuGrade::kFair;
  outcome.machine.cpu_wait_pct = 12;
  return outcome;
}

}  // namespace

TEST_CASE(
    "a run leaves the numbers of the checks that others are compared by, and how long its QEMU waited") {
  const auto numbers = ForOthers(Plan(), Outcome());
  REQUIRE(numbers);
  CHECK(numbers->variant == "eevdf");
  CHECK(numbers->unusable.empty());
  CHECK(numbers->wait_pct == 12);
  CHECK_FALSE(numbers->poor_host);
  REQUIRE(numbers->Find("checks/0", "a", 0) != nullptr);
  CHECK(numbers->Find("checks/0", "a", 0)->value == 100.0);
  CHECK_FALSE(ForOthers(Plan(false), Outcome()));
}

TEST_CASE("on the virtual clock the waiting of QEMU changes nothing") {
  RunOutcome outcome = Outcome();
  outcome.machine.cpu_quality = CpuGrade::kNotApplicable;
  CHECK(ForOthers(Plan(), outcome)->wait_pct == 0);
}

TEST_CASE("nothing is compared with a run that is no measurement, and it says why") {
  RunOutcome outcome = Outcome();
  outcome.verdict = Verdict::kError;
  outcome.cause = "the guest panicked";
  CHECK(ForOthers(Plan(), outcome)->unusable == "it is an ERROR: the guest panicked");
  outcome = Outcome();
  outcome.verdict = Verdict::kFail;
  CHECK(ForOthers(Plan(), outcome)->unusable.empty());
  outcome = Outcome();
  outcome.record.reports[0].report.machine_stopped_ns = 99'000'000;  // of a second
  CHECK(ForOthers(Plan(), outcome)->unusable.empty());
  outcome.record.reports[0].report.machine_stopped_ns = 100'000'000;
  CHECK(ForOthers(Plan(), outcome)->unusable ==
        "nothing at all ran in its guest for 100 ms: the host had stopped the machine");
}
