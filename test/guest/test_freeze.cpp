// Frozen time is no stall, and a stall beside it still is.
#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

// A worker is frozen for three times as long as a stall may last; `then` follows, in the same step.
std::string Freezes(const std::string& then) {
  return "topology: 1n1l1c1t\n"
         "defaults: {stall_limit: 1s}\n"
         "payloads:\n  stop:\n    binary: sh\n    include: [sleep]\n"
         "    args: [-c, 'read pid < /sys/fs/cgroup/ktstr/busy/cgroup.procs; kill -STOP $pid; sleep 2; kill "
         "-CONT "
         "$pid']\n"
         "backdrop: {cgroups: [{name: busy, work: [{type: SpinWait}]}]}\n"
         "steps:\n"
         "  - {name: freeze, ops: [{FreezeCgroup: {cgroup: busy}}], hold: 3s}\n"
         "  - name: thaw\n    ops:\n      - UnfreezeCgroup: {cgroup: busy}\n" +
         then + "    hold: 300ms\n";
}

TEST_CASE("a frozen worker has not stalled, and its report says how long it was frozen") {
  GuestRun run(Freezes(""));
  run.Finish("PASS");
  const Json report = run.Reports().at(0).at("report");
  CHECK(report.at("frozen_ns").get<std::uint64_t>() >= 3'000'000'000);
  CHECK(report.at("max_gap_ms").get<std::uint64_t>() < 1000);
}

TEST_CASE("a worker that stalls after a freeze is found, without the freeze in the figure") {
  GuestRun run(Freezes("      - RunPayload: {payload: stop}\n      - WaitPayload: {payload: stop}\n"));
  run.Finish("FAIL");
  CHECK_THAT(run.cause(), Catch::StartsWith("worker busy/0 did not run for "));
  const std::uint64_t gap = run.Reports().at(0).at("report").at("max_gap_ms");
  CHECK(gap >= 2000);
  CHECK(gap < 3000);
}

TEST_CASE("a frozen cgroup at the end of the run keeps nobody from reporting") {
  GuestRun run(
      "topology: 1n1l1c1t\n"
      "backdrop: {cgroups: [{name: busy, work: [{type: SpinWait, workers: 2}]}]}\n"
      "steps:\n"
      "  - {name: run, hold: 600ms}\n"
      "  - {name: freeze, ops: [{FreezeCgroup: {cgroup: busy}}], hold: 300ms}\n");
  run.Finish("PASS");
  CHECK(run.Reports().size() == 2);
}

}  // namespace
}  // namespace ktstr::test
