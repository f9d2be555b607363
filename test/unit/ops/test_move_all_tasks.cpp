// MoveAllTasks: who moves, whose they are afterwards, and what cannot be moved.
#include <catch2/catch.hpp>

#include "test/unit/ops/op_bench.h"

using namespace ktstr;

namespace {

/// A cgroup that lives as long as `slot` says, with nothing in it.
void Make(OpBench& bench, Slot slot, const std::string& name) {
  bench.context.EnterSlot(slot, slot == Slot::kStep ? "step 'one'" : "the backdrop");
  bench.context.MakeCgroup("", name);
  bench.context.EnterSlot(Slot::kStep, "step 'one'");
}

}  // namespace

TEST_CASE("MoveAllTasks moves the workers, who then count where they are") {
  OpBench bench;
  for (const char* name : {"a", "b"}) bench.context.MakeCgroup("", name);
  CHECK(bench.Spawn("a"));
  CHECK(bench.Spawn("a"));
  CHECK(bench.context.StartWorkers("work", nullptr, WorkSpec()));
  bench.Labels();
  bench.Plan("MoveAllTasks", {{"from", "a"}, {"to", "b"}});
  const auto* request = bench.context.requests().back().As<MoveWorkers>();
  REQUIRE(request != nullptr);
  CHECK(request->groups == std::vector<std::uint32_t>{0, 1});
  CHECK(request->cgroup == "b");
  bench.Plan("MoveAllTasks", {{"to", "b"}});
  CHECK(bench.Labels() ==
        "MoveAllTasks a -> b (2 workers)\nMoveAllTasks from outside any cgroup -> b (1 worker)\n");
  bench.Plan("StopCgroup", "b");
  for (const GroupState& group : bench.context.state().groups) CHECK(group.collected);
  CHECK(bench.Messages().empty());
}

TEST_CASE("workers of a step that come into a cgroup of the backdrop outlive the step") {
  OpBench bench;
  Make(bench, Slot::kBackdrop, "base");
  Make(bench, Slot::kStep, "own");
  CHECK(bench.Spawn("own"));
  bench.Plan("MoveAllTasks", {{"from", "own"}, {"to", "base"}});
  bench.Labels();
  bench.context.EndStep();
  CHECK(bench.Labels() == "end of step: remove cgroup own\n");
  CHECK_FALSE(bench.context.state().groups[0].collected);
}

TEST_CASE("what MoveAllTasks cannot do is said") {
  OpBench bench;
  Make(bench, Slot::kBackdrop, "base");
  Make(bench, Slot::kStep, "own");
  bench.context.EnterSlot(Slot::kBackdrop, "the backdrop");
  CHECK(bench.Spawn("base"));
  bench.context.EnterSlot(Slot::kStep, "step 'one'");
  bench.Plan("MoveAllTasks", {{"from", "base"}, {"to", "own"}});
  bench.Plan("MoveAllTasks", {{"from", "own"}, {"to", "base"}});
  bench.Plan("MoveAllTasks", {{"to", "base"}});
  bench.Plan("MoveAllTasks", {{"from", "base"}, {"to", "base"}});
  bench.Plan("MoveAllTasks", {{"from", "bsae"}, {"to", "onw"}});
  CHECK(bench.Messages() ==
        "steps/0/ops/0/to: workers of the backdrop cannot move into cgroup 'own', which ends with its step "
        "(make "
        "'own' in the backdrop) [steps/0: made here]\n"
        "steps/0/ops/1/from: no workers are in cgroup 'own' at this point (start some with `work:` or Spawn "
        "first; payloads are not moved)\n"
        "steps/0/ops/2: no workers are outside any cgroup at this point (start some with `work:` or Spawn "
        "first; "
        "payloads are not moved)\n"
        "steps/0/ops/3/to: the workers of cgroup 'base' are there already\n"
        "steps/0/ops/4/from: no cgroup 'bsae' is alive at this point (did you mean 'base' (created in the "
        "backdrop)?)\n"
        "steps/0/ops/4/to: no cgroup 'onw' is alive at this point (did you mean 'own' (created in step "
        "'one')?)\n");
}

TEST_CASE("moved workers have to fit into their new cgroup, by number and by name") {
  OpBench bench;
  CgroupDef small;
  small.name = "small";
  small.pids = PidsLimits{1};
  bench.context.ApplyDef("", small);
  bench.context.MakeCgroup("", "a");
  WorkSpec named;
  named.name = "twin";
  CHECK(bench.context.StartWorkers("work", bench.context.state().LiveCgroup("small"), named));
  CHECK(bench.context.StartWorkers("work", bench.context.state().LiveCgroup("a"), named));
  bench.Plan("MoveAllTasks", {{"from", "a"}, {"to", "small"}});
  CHECK(
      bench.Messages() ==
      "steps/0/ops/0/to: with this task there would be 2 in cgroup 'small', whose pids.max is 1 (raise "
      "`pids: "
      "{max: N}`)\n"
      "steps/0/ops/0/to: two work groups of cgroup 'small' would be named 'twin' [steps/0: the first one, in "
      "step 'one']\n");
}

TEST_CASE("the CPUs that moved workers are judged by are those of all the cgroups they were in") {
  OpBench bench;
  for (const char* name : {"a", "b", "c"}) bench.context.MakeCgroup("", name);
  bench.Plan("SetCpuset", {{"cgroup", "a"}, {"cpus", "0"}});
  bench.Plan("SetCpuset", {{"cgroup", "b"}, {"cpus", "2"}});
  CHECK(bench.Spawn("a"));
  bench.Plan("MoveAllTasks", {{"from", "a"}, {"to", "b"}});
  const GroupState& group = bench.context.state().groups[0];
  CHECK(FormatCpus(group.allowed) == "0,2");
  CHECK(group.always_restricted);
  CHECK(group.earlier_cgroups == std::vector<std::string>{"a"});
  bench.Plan("MoveAllTasks", {{"from", "b"}, {"to", "c"}});
  CHECK_FALSE(group.always_restricted);
}
