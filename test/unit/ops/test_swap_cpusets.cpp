// SwapCpusets: both sides change, in what is written and in what the plan knows.
#include <catch2/catch.hpp>

#include "test/unit/ops/op_bench.h"

using namespace ktstr;

TEST_CASE("SwapCpusets exchanges two cpusets") {
  OpBench bench;
  for (const char* name : {"a", "b"}) bench.context.MakeCgroup("", name);
  bench.Plan("SetCpuset", {{"cgroup", "a"}, {"cpus", "0"}});
  bench.Plan("SetCpuset", {{"cgroup", "b"}, {"cpus", "1-2"}});
  CHECK(bench.Spawn("a"));
  bench.Labels();
  bench.Plan("SwapCpusets", {{"a", "a"}, {"b", "b"}});
  CHECK(bench.Labels() == "a: cpuset.cpus = 1-2\nb: cpuset.cpus = 0\n");
  CHECK(FormatCpus(*bench.context.state().LiveCgroup("a")->cpuset) == "1-2");
  CHECK(FormatCpus(*bench.context.state().LiveCgroup("b")->cpuset) == "0");
  CHECK(FormatCpus(bench.context.state().groups[0].allowed) == "0-2");
  CHECK(bench.Messages().empty());
}

TEST_CASE("a swap needs two cgroups with cpusets of their own, and leaves no child outside its parent") {
  OpBench bench;
  for (const char* name : {"a", "b", "a/in"}) bench.context.MakeCgroup("", name);
  bench.Plan("SwapCpusets", {{"a", "a"}, {"b", "b"}});
  bench.Plan("SwapCpusets", {{"a", "a"}, {"b", "a"}});
  bench.Plan("SetCpuset", {{"cgroup", "a"}, {"cpus", "0-1"}});
  bench.Plan("SetCpuset", {{"cgroup", "a/in"}, {"cpus", "1"}});
  bench.Plan("SwapCpusets", {{"a", "a"}, {"b", "a/in"}});
  bench.Plan("SwapCpusets", {{"a", "x"}, {"b", "y"}});
  const std::string none =
      " has no cpuset of its own at this point (give it one with `cpuset:` or SetCpuset)\n";
  CHECK(bench.Messages() ==
        "steps/0/ops/0/a: cgroup 'a'" + none + "steps/0/ops/0/b: cgroup 'b'" + none +
            "steps/0/ops/1/b: a cgroup cannot exchange its cpuset with itself\n"
            "steps/0/ops/4/b: CPU 0 is not in the cpuset of 'a' (1), so no task of 'a/in' can run there\n"
            "steps/0/ops/5/a: no cgroup 'x' is alive at this point (alive here: 'a', 'b', 'a/in')\n"
            "steps/0/ops/5/b: no cgroup 'y' is alive at this point (alive here: 'a', 'b', 'a/in')\n");
}
