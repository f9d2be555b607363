// A guest or a QEMU that breaks in the middle of a run: the cause is classified, and what was finished before
// is kept.
#include <signal.h>

#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

// Two workers are collected at the end of the first step; the second one is where things break.
std::string BreaksInStepTwo(const std::string& second_step, const std::string& more = "") {
  return more +
         "steps:\n"
         "  - {name: one, cgroups: [{name: first, work: [{type: SpinWait, workers: 2}]}], hold: 100ms}\n"
         "  - name: two\n"
         "    cgroups: [{name: second, work: [{type: SpinWait}]}]\n" +
         second_step;
}

std::string Breaks(const std::string& script) {
  return BreaksInStepTwo("    ops: [{RunPayload: {payload: breaker}}]\n    hold: 60s\n",
                         "payloads: {breaker: {binary: sh, args: [-c, '" + script + "']}}\n");
}

void ExpectFirstStepKept(const GuestRun& run) {
  const Json reports = run.Reports();
  REQUIRE(reports.size() >= 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(reports[i].at("group") == 0);
    CHECK(reports[i].at("report").at("completed") == true);
    CHECK(reports[i].at("report").at("work_units") > 0);
  }
  CHECK(run.result().at("stats").at("cgroups")[0].at("num_workers") == 2);
}

TEST_CASE("the guest kernel panics") {
  GuestRun run(Breaks("echo c > /proc/sysrq-trigger"));
  run.Finish("ERROR");
  CHECK(run.first_line() == "ERROR scenario.yaml: the guest kernel panicked: sysrq triggered crash");
  ExpectFirstStepKept(run);
  CHECK_THAT(run.Text("console.txt"), Catch::Contains("Kernel panic - not syncing: sysrq triggered crash"));
  CHECK(run.Events("failure").size() == 1);
}

TEST_CASE("the guest's PID 1 dies") {
  GuestRun run(Breaks("kill -SEGV 1"));
  run.Finish("ERROR");
  CHECK_THAT(run.cause(), Catch::Matches("PID 1 in the guest crashed: SIGSEGV sent by pid [0-9]+, pid 1, "
                                         "instruction 0x[0-9a-f]+"));
  ExpectFirstStepKept(run);
  CHECK_THAT(run.Text("crash.txt"), Catch::StartsWith("PANIC: SIGSEGV sent by pid "));
}

TEST_CASE("the guest powers off by itself") {
  GuestRun run(Breaks("echo o > /proc/sysrq-trigger"));
  run.Finish("ERROR");
  CHECK(run.cause() == "the guest powered off");
  ExpectFirstStepKept(run);
}

TEST_CASE("the guest hangs") {
  // Long enough for a busy host to come to step two.
  GuestRun run("timeout: 15s\n" + BreaksInStepTwo("    hold: 5s\n"));
  REQUIRE(run.process().WaitForOutput("phase_begin  two"));
  const std::vector<pid_t> qemu = run.process().Children();
  REQUIRE(qemu.size() == 1);
  REQUIRE(kill(qemu[0], SIGSTOP) == 0);
  run.Finish("ERROR");
  CHECK(run.cause() == "the scenario did not finish within its timeout of 15s; it was at: hold 5s");
  ExpectFirstStepKept(run);
}

TEST_CASE("QEMU is killed during a hold") {
  GuestRun run(BreaksInStepTwo("    hold: 60s\n"));
  REQUIRE(run.process().WaitForOutput("request      hold 1m"));
  const std::vector<pid_t> qemu = run.process().Children();
  REQUIRE(qemu.size() == 1);
  REQUIRE(kill(qemu[0], SIGKILL) == 0);
  run.Finish("ERROR");
  CHECK(run.cause() == "QEMU was killed by SIGKILL");
  ExpectFirstStepKept(run);
}

TEST_CASE("after the overall timeout the guest still hands over what its workers measured") {
  GuestRun run(
      "timeout: 10s\n" +
      BreaksInStepTwo("    ops: [{RunPayload: {payload: endless}}, {WaitPayload: {payload: endless}}]\n",
                      "payloads: {endless: {binary: sh, args: [-c, 'while :; do :; done']}}\n"));
  run.Finish("ERROR");
  CHECK(run.cause() ==
        "the scenario did not finish within its timeout of 10s; it was at: WaitPayload endless");
  ExpectFirstStepKept(run);
  const Json reports = run.Reports();
  REQUIRE(reports.size() == 3);
  CHECK(reports[2].at("group") == 1);
  CHECK(reports[2].at("report").at("completed") == true);
  CHECK(run.Payload("endless").at("done").at("end") == "collected");
}

}  // namespace
}  // namespace ktstr::test
