// Which variant a check with `vs_variant` compares with, and what is said against such checks, whole.
#include <catch2/catch.hpp>

#include "test/unit/interpreter/plan/loaded_plan.h"

using namespace ktstr;

namespace {

/// A scenario with four variants and these checks.
LoadedPlan WithChecks(const std::string& checks, const std::string& matrix = "") {
  return LoadedPlan(
      "version: 1\nschedulers: {mine: {binary: bin/sh}}\nmatrix:\n" +
      (matrix.empty() ? "  topology: [1n1l1c1t, 1n1l2c1t]\n  scheduler: [eevdf, mine]\n" : matrix) +
      "steps: [{name: only, cgroups: [{name: a, work: [{type: SpinWait}]}], hold: 1s}]\nchecks:\n" + checks);
}

/// "variant: other; ..." of each plan, "(measures)" for a check that only does that.
std::string Pairs(const LoadedPlan& loaded) {
  INFO(loaded.Messages());
  REQUIRE(loaded.Messages().empty());
  std::string all;
  for (const auto& plan : loaded.plans) {
    all += plan->variant + ":";
    for (const PlacedCheck& placed : plan->checks.checks)
      all += placed.only_measures ? " (measures)" : " " + placed.other_variant;
    all += "\n";
  }
  return all;
}

const std::string kCheck = "  - {metric: iterations, min_ratio: 0.9, vs_variant: ";

}  // namespace

TEST_CASE("a check compares with the variant that has another value of one axis, or of more") {
  CHECK(Pairs(WithChecks(kCheck + "eevdf}\n")) ==
        "1n1l1c1t,eevdf: (measures)\n"
        "1n1l1c1t,mine: 1n1l1c1t,eevdf\n"
        "1n1l2c1t,eevdf: (measures)\n"
        "1n1l2c1t,mine: 1n1l2c1t,eevdf\n");
  CHECK(Pairs(WithChecks(kCheck + "'1n1l1c1t,eevdf'}\n")) ==
        "1n1l1c1t,eevdf: (measures)\n"
        "1n1l1c1t,mine: 1n1l1c1t,eevdf\n"
        "1n1l2c1t,eevdf: 1n1l1c1t,eevdf\n"
        "1n1l2c1t,mine: 1n1l1c1t,eevdf\n");
  CHECK(Pairs(WithChecks(kCheck + "wall}\n", "  clock: [virtual, wall]\n")) ==
        "virtual: wall\n"
        "wall: (measures)\n");
  CHECK(Pairs(WithChecks(kCheck + "512MiB}\n", "  memory: [512MiB, 1GiB]\n")) ==
        "512MiB: (measures)\n"
        "1GiB: 512MiB\n");
}

TEST_CASE("checks may compare along several axes, each with one value") {
  CHECK(Pairs(WithChecks(kCheck + "eevdf}\n" + kCheck + "1n1l1c1t}\n")) ==
        "1n1l1c1t,eevdf: (measures) (measures)\n"
        "1n1l1c1t,mine: 1n1l1c1t,eevdf (measures)\n"
        "1n1l2c1t,eevdf: (measures) 1n1l1c1t,eevdf\n"
        "1n1l2c1t,mine: 1n1l2c1t,eevdf 1n1l1c1t,mine\n");
  CHECK(WithChecks(kCheck + "eevdf}\n" + kCheck + "mine}\n").Messages() ==
        "checks/1/vs_variant: another check compares with 'eevdf', of the same axis (all checks of a "
        "scenario compare "
        "with the same one)\n");
}

TEST_CASE("a variant that cannot be compared with is said so, whole") {
  CHECK(WithChecks(kCheck + "eevfd}\n").Messages() ==
        "checks/0/vs_variant: 'eevfd' is no value of an axis of the matrix (did you mean 'eevdf'?)\n");
  CHECK(WithChecks(kCheck + "'eevdf,mine'}\n").Messages() ==
        "checks/0/vs_variant: 'eevdf,mine' is no value of an axis of the matrix\n");
  CHECK(WithChecks(kCheck + "eevdf}\n",
                   "  topology: [1n1l1c1t, 1n1l2c1t]\n  scheduler: [eevdf, mine]\n"
                   "  exclude: [{topology: 1n1l2c1t, scheduler: eevdf}]\n")
            .Messages() ==
        "checks/0/vs_variant: variant '1n1l2c1t,mine' is to be compared with '1n1l2c1t,eevdf', which the "
        "matrix "
        "excludes\n");
  CHECK(LoadedPlan(
            "version: 1\nsteps: [{cgroups: [{name: a, work: [{type: SpinWait}]}], hold: 1s}]\nchecks:\n" +
            kCheck + "eevdf}\n")
            .Messages() == "checks/0/vs_variant: there is no matrix, and so no variant to compare with\n");
}

TEST_CASE("what belongs to a ratio is said with it") {
  CHECK(WithChecks("  - {metric: iterations, min: 5, vs_variant: eevdf}\n").Messages() ==
        "checks/0/vs_variant: vs_variant needs min_ratio or max_ratio\n"
        "checks/0/vs_variant: a check with vs_variant bounds ratios only; give min and max a check of their "
        "own\n");
  CHECK(WithChecks("  - {metric: iterations, min_ratio: 5}\n").Messages() ==
        "checks/0/min_ratio: a ratio needs vs_phase or vs_variant, what to compare with\n");
  CHECK(
      WithChecks("  - {metric: iterations, phase: only, vs_phase: other, vs_variant: eevdf, min_ratio: 1}\n")
          .Messages()
          .starts_with("checks/0/vs_variant: vs_phase and vs_variant exclude each other\n"));
}
