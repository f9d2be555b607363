// SIGINT, SIGTERM and SIGKILL to ktstr-interp at several moments: a classified end, nothing left running.
#include <signal.h>

#include <catch2/catch.hpp>

#include "test/checkout.h"
#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

constexpr const char* kScenario =
    "steps:\n"
    "  - {name: one, cgroups: [{name: first, work: [{type: SpinWait, workers: 2}]}], hold: 100ms}\n"
    "  - {name: two, cgroups: [{name: second, work: [{type: YieldHeavy, workers: 4}]}], hold: 60s}\n";

void ExpectInterrupted(GuestRun& run, int signal, const std::string& name,
                       const std::string& title = "scenario.yaml") {
  run.process().Signal(signal);
  run.Finish("ERROR");
  CHECK(run.first_line() == "ERROR " + title + ": interrupted by " + name);
  CHECK_THAT(run.process().err(), Catch::Contains(", interrupted by " + name + "; results in "));
}

TEST_CASE("a signal while the machine is being built") {
  GuestRun run(kScenario);
  REQUIRE(run.process().WaitForOutput(", accel tcg (as asked for)"));
  ExpectInterrupted(run, SIGINT, "SIGINT");
  CHECK(run.Reports() == Json::array());
}

TEST_CASE("a signal while QEMU does not answer") {
  GuestRun run(kScenario, {"--qemu", kFakeQemu, "--no-clone"}, {"KTSTR_FAKE=mute"});
  REQUIRE(run.process().WaitUntil([&] { return run.process().Children("fake_qemu").size() == 1; }));
  ExpectInterrupted(run, SIGTERM, "SIGTERM");
}

TEST_CASE("a signal while a guest floods the channel") {
  GuestRun run(
      "payloads: {web: {binary: sh}}\n"
      "steps: [{ops: [{RunPayload: {payload: web}}, {WaitPayload: {payload: web}}]}]\n",
      {"--qemu", kFakeQemu, "--no-clone"}, {"KTSTR_FAKE=floods-output"});
  REQUIRE(run.process().WaitForOutput("request      WaitPayload"));
  ExpectInterrupted(run, SIGINT, "SIGINT");
}

TEST_CASE("a signal while the guest boots") {
  GuestRun run(kScenario);
  REQUIRE(run.process().WaitForOutput("  started "));
  ExpectInterrupted(run, SIGTERM, "SIGTERM");
}

TEST_CASE("a signal during a hold keeps what earlier steps collected") {
  GuestRun run(kScenario);
  REQUIRE(run.process().WaitForOutput("request      hold 1m"));
  ExpectInterrupted(run, SIGINT, "SIGINT");
  CHECK(run.Reports().size() == 2);
  CHECK(run.result().at("phase") == "");
}

TEST_CASE("a signal while reports are collected") {
  // Collecting waits for a worker that does not stop.
  GuestRun run(
      "payloads: {stop: {binary: sh, args: [-c, 'read pid < /sys/fs/cgroup/ktstr/busy/cgroup.procs; kill "
      "-STOP "
      "$pid']}}\n"
      "steps: [{cgroups: [{name: busy, work: [{type: SpinWait, workers: 2}]}],\n"
      "         ops: [{RunPayload: {payload: stop}}, {WaitPayload: {payload: stop}}]}]\n");
  REQUIRE(run.process().WaitForOutput("collect workers"));
  ExpectInterrupted(run, SIGTERM, "SIGTERM");
}

TEST_CASE("two signals end it no less orderly than one") {
  GuestRun run(kScenario);
  REQUIRE(run.process().WaitForOutput("phase_begin  two"));
  run.process().Signal(SIGTERM);
  ExpectInterrupted(run, SIGINT, "SIGINT");
}

TEST_CASE("a signal leaves the scenarios after the current one unrun") {
  GuestRun run(std::string(kScenario) + "matrix: {topology: [1n1l2c1t, 1n1l1c1t]}\n",
               {"--variant", "1n1l2c1t", "--repeat", "2", "--jobs", "1"});
  REQUIRE(run.process().WaitForOutput("  started "));
  ExpectInterrupted(run, SIGINT, "SIGINT", "scenario.yaml#1n1l2c1t (1 of 2)");
  CHECK_THAT(run.process().out(), Catch::Contains("scenario.yaml#1n1l2c1t (2 of 2)"));
}

TEST_CASE("when ktstr-interp itself is killed QEMU dies with it") {
  GuestRun run(kScenario);
  REQUIRE(run.process().WaitForOutput("phase_begin  one"));
  REQUIRE(ProcessesWith(run.dir().string()).size() == 2);  // ktstr-interp and its QEMU
  run.process().Signal(SIGKILL);
  CHECK(run.process().Finish() == 128 + SIGKILL);
  CHECK(WaitUntil([&] { return ProcessesWith(run.dir().string()).empty(); }));
}

}  // namespace
}  // namespace ktstr::test
