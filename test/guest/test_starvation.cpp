// Workers that the kernel keeps from a CPU, or that stand still for another reason: seen, told, and judged.
#include <catch2/catch.hpp>
#include <regex>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

// Without its fair server a kernel lets a real-time task keep a CPU for ever.
const std::string kUnfair =
    "topology: 1n1l2c1t\n"
    "payloads:\n"
    "  unfair:\n"
    "    binary: sh\n"
    "    args: [-c, 'for f in /sys/kernel/debug/sched/fair_server/cpu*/runtime; do echo 0 > $f; done']\n";
const std::string kMakeUnfair =
    "  ops: [{RunPayload: {payload: unfair}}, {WaitPayload: {payload: unfair}}]\n";

bool Matches(const std::string& text, const char* pattern) {
  return std::regex_search(text, std::regex(pattern));
}

TEST_CASE("a worker starved from its birth fails the default checks and says who had its CPU") {
  GuestRun run(kUnfair + "backdrop:\n" + kMakeUnfair +
               "steps:\n"
               "  - name: starve\n"
               "    cgroups:\n"
               "      - {name: bully, cpuset: '1', work: [{type: SpinWait, policy: fifo, rt_priority: 50}]}\n"
               "      - {name: victim, cpuset: '1', work: [{type: SpinWait}]}\n"
               "    hold: 6s\n");
  run.Finish("FAIL");
  INFO(run.first_line());
  CHECK(Matches(
      run.first_line(),
      "^FAIL scenario\\.yaml: worker victim/0 was runnable for [56]\\d\\d\\d ms on CPU 1 and never ran; "
      "CPU 1 ran bully/0 \\(FIFO 50\\) for (100\\.0|\\d\\d\\.\\d) % of it$"));
  REQUIRE(run.Reports().size() == 2);
  for (const Json& report : run.Reports()) CHECK(report.at("report").at("completed") == true);
}

TEST_CASE("a worker starved in a later phase fails there, whatever its neighbours did") {
  GuestRun run(
      kUnfair + "backdrop:\n" + kMakeUnfair +
      "  cgroups:\n"
      "    - {name: crowd, work: [{type: SpinWait, affinity: '0'}, {type: Bursty, "
      "affinity: '1'}]}\n"
      "steps:\n"
      "  - {name: calm, hold: 2s}\n"
      "  - name: starve\n"
      "    cgroups:\n"
      "      - {name: bully, work: [{type: SpinWait, policy: fifo, rt_priority: 50, affinity: '1'}]}\n"
      "    hold: 5s\n"
      "    checks: [{metric: max_gap_ms, cgroup: crowd, max: 2s}]\n"
      "  - {name: again, hold: 2s}\n"
      "defaults: off\n");
  run.Finish("FAIL");
  INFO(run.first_line());
  CHECK(Matches(
      run.cause(),
      "^max_gap_ms of cgroup crowd in phase starve is [45]\\d\\d\\d ms \\(worker crowd/Bursty/0 on cpu 1\\), "
      "above the maximum of 2000 ms$"));
  CHECK(run.result().at("phase") == "starve");
}

TEST_CASE("a worker that a signal stopped for longer than the limit fails") {
  GuestRun run(
      "payloads:\n  shoot:\n    binary: sh\n"
      "    args: [-c, 'read pid < /sys/fs/cgroup/ktstr/busy/cgroup.procs; kill -STOP $pid']\n"
      "steps:\n"
      "  - name: work\n"
      "    cgroups: [{name: busy, work: [{type: SpinWait, workers: 2}]}]\n"
      "    ops: [{RunPayload: {payload: shoot}}, {WaitPayload: {payload: shoot}}]\n"
      "    hold: 5s\n");
  run.Finish("FAIL");
  INFO(run.first_line());
  CHECK(Matches(run.cause(), "^worker busy/0 was stopped by a signal for [45]\\d\\d\\d ms"));
}

}  // namespace
}  // namespace ktstr::test
