// CgroupChurn and CgroupAttachStorm: what the guest's own cgroup files say of them, and what is left behind.
#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

/// A shell in the directory of the scenario's cgroups. `wait_for PID NUMBER CGROUP` returns once that
/// worker's thread is in its cgroup of that number below CGROUP, and says of which type that is, with which
/// controllers.
std::string Shell(const std::string& name, const std::string& body) {
  return "  " + name +
         ":\n    binary: sh\n    args:\n      - -c\n      - |\n"
         "        cd /sys/fs/cgroup/ktstr\n"
         "        wait_for() {\n"
         "          c=$3/ktstr-churn-$1-$2; tid=0\n"
         "          until [ \"$tid\" = $1 ]; do [ -d $c ] && read tid < $c/cgroup.threads; done\n"
         "          read type < $c/cgroup.type; read controllers < $c/cgroup.controllers\n"
         "          echo $2 in $3: $type, $controllers\n"
         "        }\n" +
         body;
}
std::string Run(const std::string& payload) {
  return "      - RunPayload: {payload: " + payload + "}\n      - WaitPayload: {payload: " + payload +
         ", timeout: 60s}\n";
}
std::string Stdout(const GuestRun& run, int index, const std::string& payload) {
  return run.Text("payload-" + std::to_string(index) + "-" + payload + ".stdout");
}
std::uint64_t Number(const Json& report, const char* key) { return report.at(key).get<std::uint64_t>(); }

TEST_CASE("CgroupChurn goes through cgroups below its own, stays its own cgroup's, and follows a move") {
  GuestRun run(
      "topology: 1n1l2c1t\n"
      "payloads:\n" +
      Shell("look",
            "        while read pid; do\n"
            "          for n in 0 1; do wait_for $pid $n home; done\n"
            "        done < home/cgroup.procs\n") +
      Shell("look_again",
            "        while read pid; do echo still in home; done < home/cgroup.procs\n"
            "        while read pid; do\n"
            "          for n in 1 0; do wait_for $pid $n other; done\n"
            "        done < other/cgroup.procs\n"
            "        for c in home/ktstr-churn-*; do [ ! -d $c ] || echo left: $c; done\n") +
      Shell("end", "        for c in home other other/*/; do [ ! -d $c ] || echo left: $c; done\n") +
      "steps:\n"
      "  - name: churn\n"
      "    cgroups:\n"
      "      - {name: home, cpuset: \"1\", work: [{type: CgroupChurn, cycle_ms: 5, workers: 2}]}\n"
      "      - {name: other, cpuset: \"0\"}\n"
      "    ops:\n" +
      Run("look") + "      - MoveAllTasks: {from: home, to: other}\n" + Run("look_again") +
      "      - RemoveCgroup: {cgroup: home}\n"
      "    hold: 300ms\n"
      "  - name: after\n    ops:\n" +
      Run("end") + "    hold: 100ms\n");
  run.Finish("PASS");
  const std::string two = "0 in home: threaded, cpu\n1 in home: threaded, cpu\n";
  CHECK(Stdout(run, 0, "look") == two + two);
  const std::string moved = "1 in other: threaded, cpu\n0 in other: threaded, cpu\n";
  CHECK(Stdout(run, 1, "look_again") == moved + moved);
  CHECK(Stdout(run, 2, "end").empty());
  const Json reports = run.Reports();
  REQUIRE(reports.size() == 2);
  for (const Json& entry : reports) {
    const Json& report = entry.at("report");
    CHECK(report.at("work_error") == "");
    CHECK(Number(report, "refusals") == 1);  // the move behind the scenario's
    CHECK(Number(report, "iterations") >= 3);
    CHECK(Number(report, "work_units") == 256 * Number(report, "iterations"));
    CHECK(report.at("cpus_used") == Json({0, 1}));
    for (const char* none : {"wake_sample_total", "timer_sample_total", "iteration_cost_sample_total"})
      CHECK(Number(report, none) == 0);
    for (const Json& slice : report.at("phase_slices")) CHECK(slice.at("cpus_outside") == Json::array());
  }
  CHECK(run.result().at("checks").dump().find("cpuset_isolation") != std::string::npos);
}

TEST_CASE("the cgroups of a CgroupChurn that was killed go with the one they are below") {
  GuestRun run(
      "topology: 1n1l1c1t\n"
      "payloads:\n" +
      Shell("kill", "        read pid < home/cgroup.procs; wait_for $pid 1 home; kill -9 $pid\n") +
      Shell("end", "        [ -d home ] || echo gone\n") +
      "steps:\n"
      "  - name: churn\n"
      "    cgroups: [{name: home, work: [{type: CgroupChurn, cycle_ms: 5}]}]\n"
      "    ops:\n" +
      Run("kill") + "    hold: 100ms\n  - name: after\n    ops:\n" + Run("end") + "    hold: 100ms\n");
  run.Finish("ERROR");
  CHECK_THAT(run.cause(), Catch::Contains("signal 9") || Catch::Contains("SIGKILL"));
  CHECK(Stdout(run, 1, "end") == "gone\n");
}

TEST_CASE("CgroupChurn where its cgroup cannot have any below it is an ERROR that names the call") {
  GuestRun run(
      "topology: 1n1l1c1t\n"
      "steps:\n"
      "  - cgroups: [{name: c, work: [{type: CgroupChurn, uid: 1000}]}]\n    hold: 300ms\n");
  run.Finish("ERROR");
  CHECK_THAT(run.cause(), Catch::Matches("worker c/0 could not do its work: making the cgroup "
                                         "/sys/fs/cgroup/ktstr/c/ktstr-churn-[0-9]+-0: Permission denied"));
  CHECK(Number(run.Reports().at(0).at("report"), "work_units") == 0);
}

TEST_CASE("CgroupAttachStorm moves children that end, and counts those that had ended") {
  GuestRun run(
      "topology: 1n1l2c1t\n"
      "payloads:\n" +
      Shell("look",
            "        for c in ignored reaped; do\n"
            "          read peak < $c/pids.peak; read word usec < $c/cpu.stat\n"
            "          [ $peak -gt 0 ] && [ $usec -gt 0 ] && echo $c had tasks\n"
            "        done\n") +
      "steps:\n"
      "  - name: storm\n"
      "    cgroups:\n"
      "      - {name: ignored, pids: {max: 1000}}\n"
      "      - {name: reaped, pids: {max: 1000}}\n"
      "      - {name: a, work: [{type: CgroupAttachStorm, dest: ignored}]}\n"
      "      - {name: b, work: [{type: CgroupAttachStorm, dest: reaped, reap: waitpid}]}\n"
      "    ops:\n"
      "      - Sleep: {for: 1s}\n"
      "      - RunPayload: {payload: look}\n"
      "      - WaitPayload: {payload: look, timeout: 60s}\n"
      "    checks:\n"
      "      - {metric: refusals, cgroup: a, max: 1000000}\n"
      "  - name: after\n    cgroups: [{name: c}]\n    hold: 100ms\n");
  run.Finish("PASS");
  CHECK(run.Text("payload-0-look.stdout") == "ignored had tasks\nreaped had tasks\n");
  const Json reports = run.Reports();
  REQUIRE(reports.size() == 2);
  for (const Json& entry : reports) {
    const Json& report = entry.at("report");
    CHECK(report.at("work_error") == "");
    CHECK(Number(report, "work_units") > 0);
    CHECK(Number(report, "work_units") + Number(report, "refusals") == Number(report, "iterations"));
    const bool reaps = entry.at("group") == 1;
    CHECK(Number(report, "wake_sample_total") == (reaps ? Number(report, "iterations") : 0));
    for (const char* none : {"timer_sample_total", "iteration_cost_sample_total"})
      CHECK(Number(report, none) == 0);
  }
}

TEST_CASE("CgroupAttachStorm whose destination is removed is an ERROR that says so") {
  GuestRun run(
      "topology: 1n1l1c1t\n"
      "backdrop:\n"
      "  cgroups: [{name: dest}, {name: a, work: [{type: CgroupAttachStorm}]}]\n"
      "steps:\n"
      "  - {name: storm, hold: 200ms}\n"
      "  - {name: gone, ops: [RemoveCgroup: {cgroup: dest}], hold: 200ms}\n");
  run.Finish("ERROR");
  CHECK(run.cause() == "worker a/0 could not do its work: moving a child to cgroup 'dest': No such device");
}

}  // namespace
}  // namespace ktstr::test
