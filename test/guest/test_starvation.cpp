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

/// A payload on a CPU that a FIFO hog takes for the second of two steps.
std::string StarvedPayload(const std::string& payload) {
  return kUnfair + "  loop: " + payload + "\n" +
         "backdrop:\n"
         "  ops:\n"
         "    - {RunPayload: {payload: unfair}}\n"
         "    - {WaitPayload: {payload: unfair}}\n"
         "    - {RunPayload: {payload: loop, cgroup: victim, ready: {output: up, timeout: 20s}}}\n"
         "  cgroups: [{name: victim, cpuset: '1'}]\n"
         "steps:\n"
         "  - {name: calm, hold: 1s}\n"
         "  - name: starve\n"
         "    cgroups:\n"
         "      - {name: bully, cpuset: '1', work: [{type: SpinWait, policy: fifo, rt_priority: 50}]}\n"
         "    hold: 6s\n";
}

void ExpectStarvedPayload(GuestRun& run) {
  run.Finish("FAIL");
  INFO(run.first_line());
  CHECK(
      Matches(run.first_line(),
              "^FAIL scenario\\.yaml: payload loop in cgroup victim: its task sh\\[\\d+\\] was runnable for "
              "[56]\\d\\d\\d ms on CPU 1 and did not run; CPU 1 ran bully/0 \\(FIFO 50\\) for "
              "(100\\.0|\\d\\d\\.\\d) % of it$"));
  CHECK(run.result().at("phase") == "starve");
}

TEST_CASE("a payload that is starved fails the default checks, in the phase where it was") {
  GuestRun run(StarvedPayload("{binary: sh, args: [-c, 'echo up; while :; do :; done']}"));
  ExpectStarvedPayload(run);
}

TEST_CASE("what a payload has started in a session of its own is the payload's, and starves with it") {
  GuestRun run(StarvedPayload(
      "{binary: sh, include: [setsid], args: [-c, 'setsid sh -c \"echo up; while :; do :; done\" & "
      "wait']}"));
  ExpectStarvedPayload(run);
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

TEST_CASE("a worker starved from its birth breaks bounds on its run delay and on its CPU time") {
  GuestRun run(
      "topology: 1n1l1c1t\n"
      "clock: virtual\n"
      "payloads: {unfair: {binary: sh, args: [-c, 'echo 0 > "
      "/sys/kernel/debug/sched/fair_server/cpu0/runtime']}}\n"
      "backdrop:\n" +
      kMakeUnfair +
      "steps:\n"
      "  - name: starve\n"
      "    cgroups:\n"
      "      - {name: bully, work: [{type: SpinWait, policy: fifo, rt_priority: 50}]}\n"
      "      - {name: victim, work: [{type: SpinWait}]}\n"
      "    hold: 4s\n"
      "    checks:\n"
      "      - {metric: max_run_delay_us, cgroup: victim, max: 500ms}\n"
      "      - {metric: avg_off_cpu_pct, cgroup: victim, max: 20}\n"
      "defaults: off\n");
  run.Finish("FAIL");
  const Json checks = run.result().at("checks");
  REQUIRE(checks.size() == 2);
  CHECK(Matches(checks[0].at("message"),
                "^max_run_delay_us of cgroup victim in phase starve is 4\\d{6} us, above"));
  CHECK(Matches(checks[1].at("message"), "^avg_off_cpu_pct of cgroup victim in phase starve is 100%, above"));
  for (const Json& check : checks) CHECK(check.at("verdict") == "FAIL");
}

TEST_CASE("a worker starved by real-time hogs on every CPU fails in that phase and names the hog") {
  GuestRun run(kUnfair + "backdrop:\n" + kMakeUnfair +
               "  cgroups: [{name: victim, work: [{type: SpinWait, affinity: '1'}]}]\n"
               "steps:\n"
               "  - {name: calm, hold: 1s}\n"
               "  - name: starve\n"
               "    cgroups:\n"
               "      - {name: hogs, work: [{type: SpinWait, workers: 2, affinity: '0-1', policy: fifo, "
               "rt_priority: 50}]}\n"
               "    hold: 6s\n"
               "  - {name: again, hold: 1s}\n"
               "defaults: {stall_limit: 500ms}\n");
  run.Finish("FAIL");
  INFO(run.first_line());
  CHECK(Matches(run.first_line(),
                "^FAIL scenario\\.yaml: worker victim/0 was runnable for [56]\\d\\d\\d ms on CPU 1 and (did "
                "not run|never ran); CPU 1 ran hogs/[01] \\(FIFO 50\\) for (100\\.0|\\d\\d\\.\\d) % of it$"));
  CHECK(run.result().at("phase") == "starve");
  // It worked before, and the marks were set on time though no CPU was free for anybody else.
  const auto iterations = [&](const char* name) {
    const Json stats = run.result().at("stats");
    for (const Json& phase : stats.at("phases"))
      for (const Json& row : phase.at("per_cgroup"))
        if (phase.at("label") == name && row.at("cgroup") == "victim")
          return row.at("metrics").at("iterations").get<double>();
    return -1.0;
  };
  CHECK(iterations("calm") > 10);
  CHECK(iterations("starve") >= 0);
  CHECK(iterations("starve") < iterations("calm") / 10);
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
