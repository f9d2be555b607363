// FreezeCgroup: what the guest is asked for, and what cannot be done with a frozen cgroup.
#include <catch2/catch.hpp>

#include "test/unit/ops/op_bench.h"

using namespace ktstr;

TEST_CASE("FreezeCgroup freezes its cgroup with all below it") {
  OpBench bench;
  bench.context.MakeCgroup("", "hot");
  bench.Plan("FreezeCgroup", "hot");
  CHECK(bench.Labels() == "enable the cpu controller\nAddCgroup hot\nFreezeCgroup hot\n");
  const auto* request = bench.context.requests().back().As<SetFrozen>();
  REQUIRE(request != nullptr);
  CHECK(request->cgroup == "hot");
  CHECK(request->frozen);
  bench.Plan("FreezeCgroup", "hto");
  CHECK(bench.Messages() ==
        "steps/0/ops/1/cgroup: no cgroup 'hto' is alive at this point (did you mean 'hot' (created in step "
        "'one')?)\n");
}

TEST_CASE("nothing starts in a frozen cgroup or below one") {
  OpBench bench;
  bench.context.MakeCgroup("", "hot");
  bench.context.MakeCgroup("", "hot/inner");
  bench.Plan("FreezeCgroup", "hot");
  CHECK_FALSE(bench.Spawn("hot"));
  CHECK_FALSE(bench.context.StartPayload("payload", "probe", {}, "hot/inner"));
  CHECK(bench.Messages() ==
        "steps/0/ops/0/work: nothing can start in cgroup 'hot': it is frozen at this point (thaw 'hot' with "
        "UnfreezeCgroup first (frozen in step 'one')) [steps/0/ops/0: frozen here]\n"
        "steps/0/ops/0/payload: nothing can start in cgroup 'hot/inner': 'hot' above it is frozen at this "
        "point (thaw 'hot' with UnfreezeCgroup first (frozen in step 'one')) [steps/0/ops/0: frozen here]\n");
}

TEST_CASE("freezing a frozen cgroup is a diagnostic") {
  OpBench bench;
  bench.context.MakeCgroup("", "hot");
  bench.Plan("FreezeCgroup", "hot");
  bench.Plan("FreezeCgroup", "hot");
  CHECK(bench.Messages() ==
        "steps/0/ops/1/cgroup: cgroup 'hot' is frozen already (it was frozen in step 'one') [steps/0/ops/0: "
        "frozen here]\n");
}

TEST_CASE("StopCgroup and RemoveCgroup thaw their cgroup, but none above it") {
  OpBench bench;
  for (const char* name : {"a", "a/b", "c"}) bench.context.MakeCgroup("", name);
  bench.Plan("FreezeCgroup", "c");
  bench.Plan("StopCgroup", "c");
  CHECK(bench.Spawn("c"));
  bench.Plan("FreezeCgroup", "c");
  bench.Plan("RemoveCgroup", "c");
  CHECK(bench.Messages().empty());
  bench.Plan("FreezeCgroup", "a");
  bench.Plan("StopCgroup", "a/b");
  CHECK(bench.Messages() ==
        "steps/0/ops/5/cgroup: the tasks of cgroup 'a/b' cannot run on: 'a' above it is frozen at this point "
        "(thaw 'a' with UnfreezeCgroup first (frozen in step 'one')) [steps/0/ops/4: frozen here]\n");
}

TEST_CASE("a step that ends thaws what keeps its workers from ending, and only that") {
  OpBench bench;
  bench.context.EnterSlot(Slot::kBackdrop, "the backdrop");
  for (const char* name : {"calm", "shared"}) bench.context.MakeCgroup("", name);
  bench.EnterStep("two");
  bench.context.MakeCgroup("", "own");
  CHECK(bench.Spawn("shared"));
  bench.Labels();
  for (const char* name : {"calm", "shared", "own"}) bench.Plan("FreezeCgroup", name);
  bench.context.EndStep();
  CHECK(bench.Labels() ==
        "FreezeCgroup calm\nFreezeCgroup shared\nFreezeCgroup own\n"
        "end of step: thaw cgroup shared\nend of step: thaw cgroup own\n"
        "end of step: collect workers\nend of step: remove cgroup own\n");
  CHECK(bench.context.state().LiveCgroup("calm")->frozen);
  CHECK_FALSE(bench.context.state().LiveCgroup("shared")->frozen);
}
