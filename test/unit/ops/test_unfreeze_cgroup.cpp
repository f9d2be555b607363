// UnfreezeCgroup: the other end of FreezeCgroup.
#include <catch2/catch.hpp>

#include "test/unit/ops/op_bench.h"

using namespace ktstr;

TEST_CASE("after UnfreezeCgroup the cgroup is as before") {
  OpBench bench;
  bench.context.MakeCgroup("", "hot");
  bench.Plan("FreezeCgroup", "hot");
  bench.Plan("UnfreezeCgroup", "hot");
  CHECK(bench.Labels() == "enable the cpu controller\nAddCgroup hot\nFreezeCgroup hot\nUnfreezeCgroup hot\n");
  CHECK_FALSE(bench.context.requests().back().As<SetFrozen>()->frozen);
  CHECK(bench.Spawn("hot"));
  bench.Plan("FreezeCgroup", "hot");
  CHECK(bench.Messages().empty());
}

TEST_CASE("thawing what is not frozen is a diagnostic that says where it was thawed") {
  OpBench bench;
  bench.context.EnterSlot(Slot::kBackdrop, "the backdrop");
  bench.context.MakeCgroup("", "hot");
  bench.EnterStep("two");
  bench.Plan("UnfreezeCgroup", "hot");
  CHECK(bench.Spawn("hot"));
  bench.Plan("FreezeCgroup", "hot");
  bench.context.EnterOp("steps/1");
  bench.context.EndStep();
  bench.EnterStep("three");
  bench.Plan("UnfreezeCgroup", "hot");
  CHECK(bench.Messages() ==
        "steps/1/ops/0/cgroup: cgroup 'hot' is not frozen at this point (freeze it with FreezeCgroup first)\n"
        "steps/2/ops/0/cgroup: cgroup 'hot' is not frozen at this point (it was thawed in step 'two', at "
        "its end) [steps/1: thawed here]\n");
}

TEST_CASE("what lies below a frozen cgroup cannot be thawed alone") {
  OpBench bench;
  for (const char* name : {"a", "a/b"}) bench.context.MakeCgroup("", name);
  bench.Plan("FreezeCgroup", "a/b");
  bench.Plan("FreezeCgroup", "a");
  bench.Plan("UnfreezeCgroup", "a/b");
  CHECK(bench.Messages() ==
        "steps/0/ops/2/cgroup: the tasks of cgroup 'a/b' cannot run on: 'a' above it is frozen at this point "
        "(thaw 'a' with UnfreezeCgroup first (frozen in step 'one')) [steps/0/ops/1: frozen here]\n");
}
