#include <catch2/catch.hpp>

#include "interpreter/run/unlike_turns.h"

namespace ktstr {
namespace {

CheckResult Failed(std::string check) {
  CheckResult result;
  result.verdict = Verdict::kFail;
  result.check = std::move(check);
  result.message = "it is too much";
  return result;
}

/// Two CPUs on the virtual clock of Debian 12's QEMU, each with a worker; a latency and a payload failed.
RunOutcome TwoBusyCpus() {
  RunOutcome outcome;
  outcome.verdict = Verdict::kFail;
  outcome.cause = "payload 'sh' was still running after 20s";
  outcome.machine.clock = "virtual";
  outcome.machine.qemu = "7.2.22";
  outcome.record.node_of_cpu = {0, 0};
  outcome.record.reports.resize(2);
  outcome.record.reports[0].report.cpus_used = {0};
  outcome.record.reports[1].report.cpus_used = {1};
  outcome.checks = {Failed("max_gap_ms"), Failed("workers_reported")};
  return outcome;
}

TEST_CASE("a QEMU gives like turns from version 8.1 on") {
  for (const char* version : {"8.1.0", "8.2.5", "9.0.0", "10.0.2", "8.10"}) CHECK(GivesLikeTurns(version));
  for (const char* version : {"", "7.2.22", "8.0.5", "8", "x", "1.8.1"}) CHECK_FALSE(GivesLikeTurns(version));
}

TEST_CASE("several busy CPUs with unlike turns decide nothing by their time") {
  RunOutcome outcome = TwoBusyCpus();
  outcome.waited_in_vain = true;
  ExcuseUnlikeTurns(outcome);
  CHECK(outcome.checks[0].verdict == Verdict::kInconclusive);
  CHECK(outcome.checks[0].message ==
        "QEMU 7.2.22 gives CPUs that are busy at once unlike turns on the virtual clock (8.1 and later do "
        "not); it "
        "is too much");
  CHECK(outcome.checks[1].verdict == Verdict::kFail);
  CHECK(outcome.checks[1].message == "it is too much");
  CHECK(outcome.verdict == Verdict::kInconclusive);
  CHECK(outcome.cause ==
        "QEMU 7.2.22 gives CPUs that are busy at once unlike turns on the virtual clock (8.1 and later do "
        "not); "
        "payload 'sh' was still running after 20s");
}

TEST_CASE("where turns are alike, or one CPU was busy, what fails by time has failed") {
  const auto change = GENERATE(0, 1, 2, 3);
  RunOutcome outcome = TwoBusyCpus();
  outcome.waited_in_vain = true;
  if (change == 0) outcome.machine.clock = "wall";
  if (change == 1) outcome.machine.qemu = "10.0.2";
  if (change == 2) outcome.record.node_of_cpu = {0};
  if (change == 3) outcome.record.reports[1].report.cpus_used = {0};
  ExcuseUnlikeTurns(outcome);
  CHECK(outcome.checks[0].verdict == Verdict::kFail);
  CHECK(outcome.verdict == Verdict::kFail);
}

TEST_CASE("a worker that a signal stopped has failed whatever turns its CPU had") {
  const auto verdict = [](TaskState state) {
    RunOutcome outcome = TwoBusyCpus();
    PhaseSlice slice;
    slice.wall_ns = 5'000'000'000;
    slice.state = state;
    WorkerReport& report = outcome.record.reports[0].report;
    report.max_gap_ms = report.max_gap_at_ms = 5000;
    report.phase_slices = {slice};
    outcome.checks = {Failed("no_stall")};
    outcome.checks.front().bound = 2000;
    ExcuseUnlikeTurns(outcome);
    return outcome.checks.front().verdict;
  };
  CHECK(verdict(TaskState::kStopped) == Verdict::kFail);
  CHECK(verdict(TaskState::kRunnable) == Verdict::kInconclusive);
}

TEST_CASE("a payload may have been busy on any CPU") {
  RunOutcome outcome = TwoBusyCpus();
  outcome.record.reports.clear();
  outcome.record.payloads.resize(1);
  ExcuseUnlikeTurns(outcome);
  CHECK(outcome.checks[0].verdict == Verdict::kInconclusive);
  CHECK(outcome.verdict == Verdict::kFail);  // by something else than a wait
}

}  // namespace
}  // namespace ktstr
