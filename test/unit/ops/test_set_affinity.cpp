// SetAffinity, SetPolicy and SetNice: which workers, and what they are to have.
#include <catch2/catch.hpp>

#include "test/unit/ops/op_bench.h"

using namespace ktstr;

namespace {

AdjustWorkers Last(const OpBench& bench) {
  const auto* request = bench.context.state().groups.empty()
                            ? nullptr
                            : const_cast<OpBench&>(bench).context.requests().back().As<AdjustWorkers>();
  REQUIRE(request != nullptr);
  return *request;
}

}  // namespace

TEST_CASE("SetAffinity binds live workers within their cgroup's CPUs, and inherit lifts it") {
  OpBench bench;
  for (const char* name : {"hot", "hot/in"}) bench.context.MakeCgroup("", name);
  bench.Plan("SetCpuset", {{"cgroup", "hot"}, {"cpus", "1-3"}});
  CHECK(bench.Spawn("hot/in"));
  bench.Labels();
  bench.Plan("SetAffinity", {{"cgroup", "hot/in"}, {"affinity", "0-2"}});
  CHECK(Last(bench).cpus->cpus == std::vector<std::uint32_t>{1, 2});
  bench.Plan("SetAffinity", {{"cgroup", "hot/in"}, {"affinity", "single_cpu"}});
  CHECK(Last(bench).cpus->cpus == std::vector<std::uint32_t>{1});
  bench.Plan("SetAffinity", {{"cgroup", "hot/in"}, {"affinity", "inherit"}});
  CHECK(Last(bench).cpus->cpus == std::vector<std::uint32_t>{0, 1, 2, 3});
  CHECK_FALSE(Last(bench).nice);
  CHECK_FALSE(Last(bench).policy);
  CHECK(bench.Labels() ==
        "SetAffinity hot/in 1-2 (1 worker)\nSetAffinity hot/in 1 (1 worker)\n"
        "SetAffinity hot/in inherit (1 worker)\n");
  CHECK(bench.Messages().empty());
}

TEST_CASE("SetPolicy and SetNice take all workers of a cgroup, or one work group") {
  OpBench bench;
  bench.context.MakeCgroup("", "hot");
  WorkSpec named;
  named.name = "feeder";
  CHECK(bench.Spawn("hot"));
  CHECK(bench.context.StartWorkers("work", bench.context.state().LiveCgroup("hot"), named));
  bench.Labels();
  bench.Plan("SetNice", {{"cgroup", "hot"}, {"nice", "-5"}});
  CHECK(Last(bench).groups == std::vector<std::uint32_t>{0, 1});
  CHECK(Last(bench).nice == -5);
  bench.Plan("SetPolicy", {{"cgroup", "hot"}, {"group", "feeder"}, {"policy", "fifo"}, {"rt_priority", "7"}});
  CHECK(Last(bench).groups == std::vector<std::uint32_t>{1});
  CHECK(Last(bench).policy->policy == SchedPolicy::kFifo);
  CHECK(Last(bench).policy->rt_priority == 7);
  CHECK(bench.Labels() == "SetNice hot -5 (2 workers)\nSetPolicy hot fifo 7 (1 worker)\n");
}

TEST_CASE("a change of workers that are not there, or to CPUs they may not use, is said") {
  OpBench bench;
  bench.context.MakeCgroup("", "hot");
  bench.Plan("SetCpuset", {{"cgroup", "hot"}, {"cpus", "1-2"}});
  bench.Plan("SetNice", {{"cgroup", "hot"}, {"nice", "1"}});
  bench.Plan("SetNice", {{"nice", "1"}});
  WorkSpec named;
  named.name = "feeder";
  CHECK(bench.context.StartWorkers("work", bench.context.state().LiveCgroup("hot"), named));
  bench.Plan("SetAffinity", {{"cgroup", "hot"}, {"group", "feedr"}, {"affinity", "0"}});
  bench.Plan("SetAffinity", {{"cgroup", "hto"}, {"affinity", "smt_sibling_pair"}});
  CHECK(
      bench.Messages() ==
      "steps/0/ops/1/cgroup: no workers are in cgroup 'hot' at this point (start some with `work:` or Spawn "
      "first)\n"
      "steps/0/ops/2: no workers are outside any cgroup at this point (start some with `work:` or Spawn "
      "first)\n"
      "steps/0/ops/3/group: no work group 'feedr' is in cgroup 'hot' at this point (did you mean 'feeder'?)\n"
      "steps/0/ops/3/affinity: none of the CPUs 0 is among the cgroup's (1-2)\n"
      "steps/0/ops/4/cgroup: no cgroup 'hto' is alive at this point (did you mean 'hot' (created in step "
      "'one')?)\n"
      "steps/0/ops/4/affinity: no core of 1n2l2c1t has two SMT siblings among the CPUs 0-3\n");
}
