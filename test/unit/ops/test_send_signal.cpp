// SendSignal and SetLimits.
#include <catch2/catch.hpp>
#include <csignal>

#include "test/unit/ops/op_bench.h"

using namespace ktstr;

TEST_CASE("SendSignal reaches a payload, or the workers of a cgroup") {
  OpBench bench;
  bench.context.MakeCgroup("", "hot");
  CHECK(bench.Spawn("hot"));
  CHECK(bench.context.StartPayload("payload", "probe", {}, "hot"));
  bench.Labels();
  bench.Plan("SendSignal", {{"payload", "probe"}, {"signal", "USR1"}});
  CHECK(bench.context.requests().back().As<SignalTasks>()->payload == 0U);
  CHECK(bench.context.requests().back().As<SignalTasks>()->signal == SIGUSR1);
  bench.Plan("SendSignal", {{"cgroup", "hot"}, {"signal", "SIGSTOP"}});
  CHECK(bench.context.requests().back().As<SignalTasks>()->groups == std::vector<std::uint32_t>{0});
  CHECK(bench.Labels() == "SendSignal SIGUSR1 to payload probe\nSendSignal SIGSTOP to the workers of hot\n");
  bench.Plan("SendSignal", {{"signal", "STOP"}});
  bench.Plan("KillPayload", {{"payload", "probe"}});
  bench.Plan("SendSignal", {{"payload", "probe"}, {"signal", "TERM"}});
  CHECK(bench.Messages() ==
        "steps/0/ops/2: no workers are outside any cgroup at this point (start some with `work:` or Spawn "
        "first)\n"
        "steps/0/ops/4/payload: payload 'probe' has already ended at this point (it was finished in step "
        "'one') "
        "[steps/0/ops/3: finished here]\n");
}

TEST_CASE("SetLimits writes what it is given, and the plan goes on with it") {
  OpBench bench;
  bench.context.MakeCgroup("", "hot");
  bench.context.MakeCgroup("", "hot/in");
  bench.Labels();
  CgroupLimits limits;
  limits.cpu = CpuLimits{};
  limits.cpu->weight = 50;
  limits.pids = PidsLimits{1};
  limits.mems = CpuSet{{0}};
  bench.context.SetLimits(bench.context.state().LiveCgroup("hot/in"), limits);
  CHECK(bench.Labels() ==
        "enable the cpu controller for nested cgroups\nenable the cpuset controller\nenable the pids "
        "controller\nhot/in: cpuset.mems = 0\nhot/in: cpu.weight = 50\nhot/in: pids.max = 1\n");
  CHECK(bench.Spawn("hot/in"));
  CHECK(bench.Messages().empty());
  CHECK(bench.Spawn("hot/in"));
  limits.mems = CpuSet{{5}};
  bench.context.SetLimits(nullptr, limits);
  CHECK(bench.Messages() ==
        "steps/0/work: with this task there would be 2 in cgroup 'hot/in', whose pids.max is 1 (raise `pids: "
        "{max: "
        "N}`)\nsteps/0/mems: there is no NUMA node 5: 1n2l2c1t has 1\n");
}
