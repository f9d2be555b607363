// Ops that change what lives: what the guest's own files and tools say afterwards.
#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

// For each cgroup its cpuset and, of each of its processes, CPUs, policy and nice value.
const std::string kLook =
    "  look:\n    binary: sh\n    include: [taskset, chrt]\n    args:\n      - -c\n      - |\n"
    "        cd /sys/fs/cgroup/ktstr\n"
    "        for c in a b; do\n"
    "          read cpus < $c/cpuset.cpus\n"
    "          echo $c $cpus\n"
    "          while read pid; do\n"
    "            mask=$(taskset -cp $pid)\n"
    "            policy=$(chrt -p $pid)\n"
    "            read stat < /proc/$pid/stat; set -- ${stat##*\\)}\n"
    "            echo cpus ${mask##*: } nice ${17} ${policy#*policy: }\n"
    "          done < $c/cgroup.procs\n"
    "        done\n";

std::string Step(const std::string& name, const std::string& ops) {
  return "  - name: " + name + "\n    ops:\n" + ops +
         "      - RunPayload: {payload: look}\n"
         "      - WaitPayload: {payload: look, timeout: 30s}\n"
         "    hold: 400ms\n";
}

TEST_CASE("workers are moved, bound and rescheduled while they live, and counted where they are") {
  GuestRun run(
      "topology: 1n1l4c1t\n"
      "payloads:\n" +
      kLook +
      "backdrop:\n"
      "  cgroups:\n"
      "    - {name: a, cpuset: 0-1, work: [{type: SpinWait, workers: 2}]}\n"
      "    - {name: b, cpuset: \"2\"}\n"
      "steps:\n" +
      Step("before", "") + Step("moved", "      - MoveAllTasks: {from: a, to: b}\n") +
      Step("bound",
           "      - SwapCpusets: {a: a, b: b}\n"
           "      - SetAffinity: {cgroup: b, affinity: \"1\"}\n"
           "      - SetNice: {cgroup: b, nice: 5}\n"
           "      - SetPolicy: {cgroup: b, policy: batch}\n") +
      Step("lifted",
           "      - SetAffinity: {cgroup: b, affinity: inherit}\n"
           "      - SetPolicy: {cgroup: b, policy: fifo, rt_priority: 3}\n") +
      "checks:\n"
      "  - {metric: iterations, cgroup: a, phase: before, min: 1}\n"
      "  - {metric: iterations, cgroup: b, phase: moved, min: 1}\n"
      "  - {metric: iterations, cgroup: b, phase: lifted, min: 1}\n");
  run.Finish("PASS");
  const std::string others = " nice 0 SCHED_OTHER pid";
  const auto look = [&](int index) {
    // chrt's second line, of the priority, begins with the pid.
    std::string text = run.Text("payload-" + std::to_string(index) + "-look.stdout"), shown;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      std::string line = text.substr(at, end - at);
      if (const std::size_t pid = line.find(" pid "); pid != std::string::npos) {
        line = line.substr(0, pid) + " " + line.substr(line.rfind(' ') + 1);
      }
      shown += line + "; ";
      at = end + 1;
    }
    return shown;
  };
  const std::string two = "cpus 0,1 nice 0 SCHED_OTHER 0; cpus 0,1 nice 0 SCHED_OTHER 0; ";
  CHECK(look(0) == "a 0-1; " + two + "b 2; ");
  CHECK(look(1) == "a 0-1; b 2; cpus 2 nice 0 SCHED_OTHER 0; cpus 2 nice 0 SCHED_OTHER 0; ");
  CHECK(look(2) == "a 2; b 0-1; cpus 1 nice 5 SCHED_BATCH 0; cpus 1 nice 5 SCHED_BATCH 0; ");
  CHECK(look(3) == "a 2; b 0-1; cpus 0,1 nice 5 SCHED_FIFO 3; cpus 0,1 nice 5 SCHED_FIFO 3; ");
  // `before` is lived in a, all else in b; nobody was accused of where it was before.
  const Json stats = run.File("stats.json");
  for (const Json& phase : stats.at("phases")) {
    std::string rows;
    for (const Json& row : phase.at("per_cgroup"))
      if (row.at("num_workers") != 0)
        rows += row.at("cgroup").get<std::string>() + ":" + row.at("num_workers").dump() + " ";
    const std::string label = phase.at("label");
    if (label == "before") CHECK(rows == "a:2 ");
    if (label == "moved" || label == "bound") CHECK(rows == "b:2 ");
  }
  CHECK(run.result().at("checks").dump().find("every worker stayed inside its cpusets") != std::string::npos);
}

TEST_CASE("files, CPUs, limits and signals change for a step, and what is put back is what it was") {
  const std::string look =
      "  look:\n    binary: sh\n    include: [cat]\n    args:\n      - -c\n      - |\n"
      "        sysctl=$(cat /proc/sys/vm/swappiness)\n"
      "        read online < /sys/devices/system/cpu/online\n"
      "        cd /sys/fs/cgroup/ktstr/hot\n"
      "        read weight < cpu.weight; read high < memory.high; read cpus < cpuset.cpus.effective\n"
      "        read pid < cgroup.procs; read stat < /proc/$pid/stat; set -- ${stat##*\\)}\n"
      "        echo $sysctl $online $cpus $weight $high $1\n";
  GuestRun run(
      "topology: 1n1l4c1t\n"
      "defaults: {stall_limit: 500ms}\n"
      "payloads:\n" +
      look +
      "backdrop:\n"
      "  cgroups: [{name: hot, cpuset: 1-3, memory: {high: 64MiB}, work: [{type: SpinWait}]}]\n"
      "steps:\n" +
      Step("changed",
           "      - WriteGuestFile: {path: /proc/sys/vm/swappiness, value: \"10\"}\n"
           "      - WriteGuestFile: {path: /sys/fs/cgroup/ktstr/hot/memory.high, value: \"33554432\"}\n"
           "      - WriteGuestFile: {path: /sys/fs/cgroup/ktstr/hot/cpu.weight, value: none, errno: EINVAL}\n"
           "      - SetCpuOnline: {cpu: 3, online: off}\n"
           "      - SetLimits: {cgroup: hot, cpu: {weight: 50}}\n"
           "      - SendSignal: {cgroup: hot, signal: STOP}\n"
           "      - Sleep: {for: 800ms}\n") +
      Step("back", "      - SendSignal: {cgroup: hot, signal: CONT}\n") +
      "checks: [{metric: iterations, cgroup: hot, phase: back, min: 1}]\n");
  run.Finish("PASS");
  CHECK(run.Text("payload-0-look.stdout") == "10 0-2 1-2 50 33554432 T\n");
  CHECK(run.Text("payload-1-look.stdout") == "60 0-3 1-3 50 67108864 R\n");
}

TEST_CASE("a write that the kernel does not refuse as expected fails the scenario") {
  GuestRun run(
      "steps:\n  - name: one\n    ops:\n"
      "      - WriteGuestFile: {path: /proc/sys/kernel/panic_on_oops, value: \"1\", errno: EINVAL}\n");
  run.Finish("FAIL");
  CHECK(
      run.first_line() ==
      "FAIL scenario.yaml: writing '1' to /proc/sys/kernel/panic_on_oops succeeded, and EINVAL was expected");
}

}  // namespace
}  // namespace ktstr::test
