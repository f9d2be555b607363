// Workers that do not get what they were to have: each refusal of the kernel is called by its own name.
#include <catch2/catch.hpp>

#include "test/checkout.h"
#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"

namespace ktstr::test {
namespace {

/// A worker that asks for all of it, on a kernel that refuses what these hooks are about.
std::string Asks(const std::string& hooks) {
  return std::string("payloads:\n  deny:\n    binary: ") + kDenySetUp + "\n    args: [" + hooks +
         "]\n"
         "steps:\n"
         "  - name: work\n"
         "    ops:\n"
         "      - RunPayload: {payload: deny, ready: {output: refusing, timeout: 20s}}\n"
         "      - AddCgroup: {name: hot}\n"
         "      - Spawn: {cgroup: hot, work: {type: SpinWait, nice: 5, uid: 1000, gid: 100}}\n"
         "    hold: 700ms\n";
}

TEST_CASE("a nice value, a group and a user that the kernel refuses are called by their names") {
  const auto kernel = CachedKernel("debian");
  REQUIRE(kernel);
  const auto refused = [&](const std::string& hook) {
    GuestRun run(Asks(hook), {"--kernel", kernel->image.string(), "--allow-host-files"});
    run.Finish("ERROR");
    return run.first_line();
  };
  const std::string head = "ERROR scenario.yaml: worker hot/0 did not get its ";
  CHECK(refused("task_setnice") == head + "nice value: setpriority to 5: Operation not permitted");
  CHECK(refused("task_fix_setgid") == head + "group id: setresgid to 100: Operation not permitted");
  CHECK(refused("task_fix_setuid") == head + "user id: setresuid to 1000: Operation not permitted");
}

TEST_CASE("several refusals are all in the report of the worker") {
  const auto kernel = CachedKernel("debian");
  REQUIRE(kernel);
  GuestRun run(Asks("task_setnice, task_fix_setuid, task_fix_setgid"),
               {"--kernel", kernel->image.string(), "--allow-host-files"});
  run.Finish("ERROR");
  const Json report = run.Reports().at(0).at("report");
  CHECK(report.at("nice_error") == "setpriority to 5: Operation not permitted");
  CHECK(report.at("gid_error") == "setresgid to 100: Operation not permitted");
  CHECK(report.at("uid_error") == "setresuid to 1000: Operation not permitted");
  CHECK(report.at("sched_policy_error") == "");
  CHECK(report.at("affinity_error") == "");
}

TEST_CASE("a worker that gets all it asks for has it") {
  GuestRun run(
      "payloads:\n  look:\n    binary: sh\n"
      "    args: [-c, 'read pid < /sys/fs/cgroup/ktstr/hot/cgroup.procs; while read key real rest; do "
      "case $key in Uid: | Gid: | Groups:) echo $key$real,;; esac; done < /proc/$pid/status; "
      "read stat < /proc/$pid/stat; set -- ${stat##*\\)}; echo nice=${17}']\n"
      "steps:\n"
      "  - name: work\n"
      "    cgroups: [{name: hot, work: [{type: SpinWait, nice: 5, uid: 1000, gid: 100}]}]\n"
      "    ops: [{RunPayload: {payload: look}}, {WaitPayload: {payload: look}}]\n"
      "    hold: 700ms\n");
  run.Finish("PASS");
  CHECK(run.Text("payload-0-look.stdout") == "Uid:1000,\nGid:100,\nGroups:,\nnice=5\n");
}

TEST_CASE("a cgroup that takes one task takes three workers neither by the scenario nor behind its back") {
  GuestRun refused(
      "steps:\n  - name: work\n    hold: 500ms\n"
      "    cgroups: [{name: small, pids: {max: 1}, work: [{type: SpinWait, workers: 3}]}]\n");
  refused.Finish("ERROR");
  CHECK_THAT(refused.cause(),
             Catch::Contains("with these 3 tasks there would be 3 in cgroup 'small', whose pids.max is 1"));
  // Workers are forked outside and moved in, which the kernel itself never refuses.
  GuestRun moved(
      "payloads:\n  narrow:\n    binary: sh\n    args: [-c, 'echo 1 > /sys/fs/cgroup/ktstr/small/pids.max']\n"
      "steps:\n  - name: work\n    hold: 500ms\n"
      "    cgroups: [{name: small, pids: {max: 9}}]\n"
      "    ops:\n"
      "      - RunPayload: {payload: narrow}\n"
      "      - WaitPayload: {payload: narrow}\n"
      "      - Spawn: {cgroup: small, work: {type: SpinWait, workers: 3}}\n");
  moved.Finish("ERROR");
  CHECK_THAT(moved.cause(), Catch::EndsWith("cgroup 'small' has 3 tasks; its pids.max is 1"));
}

}  // namespace
}  // namespace ktstr::test
