// SetCpuOnline: which CPUs there are, and that they come back. Sleep.
#include <catch2/catch.hpp>

#include "test/unit/ops/op_bench.h"

using namespace ktstr;

TEST_CASE("a CPU that a step takes offline is back at its end") {
  OpBench bench;
  bench.context.MakeCgroup("", "hot");
  bench.Plan("SetCpuset", {{"cgroup", "hot"}, {"cpus", "1-3"}});
  CHECK(bench.Spawn("hot"));
  bench.Labels();
  bench.Plan("SetCpuOnline", {{"cpu", "1"}, {"online", "false"}});
  const auto* request = bench.context.requests().back().As<SetCpuOnline>();
  REQUIRE(request != nullptr);
  CHECK(request->cpu == 1);
  CHECK_FALSE(request->online);
  bench.Plan("SetAffinity", {{"cgroup", "hot"}, {"affinity", "single_cpu"}});
  WorkSpec half;
  half.workers = WorkerCount{};
  half.workers->of_cpus = 1.0;
  CHECK(bench.context.StartWorkers("work", bench.context.state().LiveCgroup("hot"), half));
  bench.context.EndStep();
  CHECK(bench.Labels() ==
        "SetCpuOnline: CPU 1 offline\nSetAffinity hot 2 (1 worker)\nSpawn 2 x SpinWait in hot\n"
        "end of step: collect workers\nend of step: CPU 1 online\nend of step: remove cgroup hot\n");
  CHECK(bench.Messages().empty());
}

TEST_CASE("a step undoes what it changed, not what the backdrop did") {
  OpBench bench;
  bench.context.EnterSlot(Slot::kBackdrop, "the backdrop");
  bench.Plan("SetCpuOnline", {{"cpu", "3"}, {"online", "false"}});
  bench.EnterStep("two");
  bench.Plan("SetCpuOnline", {{"cpu", "3"}, {"online", "true"}});
  bench.Labels();
  bench.context.EndStep();
  CHECK(bench.Labels() == "end of step: CPU 3 offline\n");
  bench.context.EnterSlot(Slot::kBackdrop, "the end");
  bench.context.EndScenario();
  CHECK(bench.Labels() == "end of scenario: CPU 3 online\n");
}

TEST_CASE("CPUs that cannot go, are gone or were never there are said") {
  OpBench bench;
  bench.context.MakeCgroup("", "hot");
  bench.Plan("SetCpuOnline", {{"cpu", "0"}, {"online", "false"}});
  bench.Plan("SetCpuOnline", {{"cpu", "9"}, {"online", "false"}});
  bench.Plan("SetCpuOnline", {{"cpu", "1"}, {"online", "true"}});
  bench.Plan("SetCpuOnline", {{"cpu", "2"}, {"online", "false"}});
  bench.Plan("SetCpuOnline", {{"cpu", "2"}, {"online", "false"}});
  bench.Plan("SetCpuset", {{"cgroup", "hot"}, {"cpus", "2"}});
  CHECK(bench.Messages() ==
        "steps/0/ops/0/cpu: CPU 0 always stays online on x86 (take another one)\n"
        "steps/0/ops/1/cpu: there is no CPU 9: 1n2l2c1t has 4\n"
        "steps/0/ops/2/online: CPU 1 is online at this point\n"
        "steps/0/ops/4/online: CPU 2 is offline at this point (it was taken offline in step 'one') "
        "[steps/0/ops/3: here]\n"
        "steps/0/ops/5/cpus: CPU 2 is offline at this point [steps/0/ops/3: taken offline here]\n");
}

TEST_CASE("Sleep is a wait in the guest's time, and counts among the holds") {
  OpBench bench;
  bench.Labels();
  bench.Plan("Sleep", {{"for", "200ms"}});
  CHECK(bench.Labels() == "Sleep 200ms\n");
  CHECK(bench.context.requests().back().As<Hold>()->duration_ns == 200'000'000);
  CHECK(bench.context.requests().back().budget == Milliseconds(200));
  CHECK(bench.context.state().slept == Milliseconds(200));
}
