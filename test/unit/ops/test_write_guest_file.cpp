// WriteGuestFile and ReadGuestFile: what is refused, and what is put back when.
#include <catch2/catch.hpp>

#include "test/unit/ops/op_bench.h"

using namespace ktstr;

namespace {

const std::string kSysctl = "/proc/sys/kernel/sched_rr_timeslice_ms";

std::vector<std::pair<std::string, std::string>> Write(const std::string& path,
                                                       const std::string& value = "1") {
  return {{"path", path}, {"value", value}};
}

}  // namespace

TEST_CASE("what a step has written is put back at its end, the last one first") {
  OpBench bench;
  bench.Plan("WriteGuestFile", Write("/proc/sys/a", "7"));
  const auto* request = bench.context.requests().back().As<WriteGuestFile>();
  REQUIRE(request != nullptr);
  CHECK(request->path == "/proc/sys/a");
  CHECK(request->value == "7");
  CHECK(request->save == 0U);
  CHECK(request->expected_errno == 0);
  bench.Plan("WriteGuestFile", Write("/proc/sys/b"));
  bench.Plan("WriteGuestFile", Write("/proc/sys/a", "8"));  // what it held first is known
  CHECK_FALSE(bench.context.requests().back().As<WriteGuestFile>()->save);
  bench.Plan("WriteGuestFile", {{"path", "/proc/sys/c"}, {"value", "1"}, {"keep", "true"}});
  bench.Plan("WriteGuestFile", {{"path", "/proc/sys/d"}, {"value", "x"}, {"errno", "EINVAL"}});
  CHECK(bench.context.requests().back().As<WriteGuestFile>()->expected_errno == EINVAL);
  bench.Labels();
  bench.context.EndStep();
  CHECK(bench.Labels() ==
        "end of step: put back /proc/sys/d\nend of step: put back /proc/sys/b\nend of step: put back "
        "/proc/sys/a\n");
  CHECK(bench.context.requests().back().As<PutBackFile>()->saved == 0);
  bench.context.EndStep();
  CHECK(bench.Labels().empty());
  CHECK(bench.Messages().empty());
}

TEST_CASE("what the backdrop has written is put back at the end of the scenario") {
  OpBench bench;
  bench.context.EnterSlot(Slot::kBackdrop, "the backdrop");
  bench.Plan("WriteGuestFile", Write(kSysctl));
  bench.EnterStep("two");
  bench.Plan("WriteGuestFile", Write(kSysctl, "2"));
  bench.Labels();
  bench.context.EndStep();
  CHECK(bench.Labels() == "end of step: put back " + kSysctl + "\n");
  CHECK(bench.context.requests().back().As<PutBackFile>()->saved == 1);
  bench.context.EnterSlot(Slot::kBackdrop, "the end");
  bench.context.EndScenario();
  CHECK(bench.Labels() == "end of scenario: put back " + kSysctl + "\n");
}

TEST_CASE("a file of a cgroup that ends needs no putting back, and its controller is enabled") {
  OpBench bench;
  bench.context.EnterSlot(Slot::kBackdrop, "the backdrop");
  bench.context.MakeCgroup("", "base");
  bench.EnterStep("two");
  bench.context.MakeCgroup("", "own");
  bench.Labels();
  bench.Plan("WriteGuestFile", Write("/sys/fs/cgroup/ktstr/own/memory.high"));
  bench.Plan("WriteGuestFile", Write("/sys/fs/cgroup/ktstr/base/memory.high"));
  bench.context.EndStep();
  CHECK(bench.Labels() ==
        "enable the memory controller\nWriteGuestFile /sys/fs/cgroup/ktstr/own/memory.high = 1\n"
        "WriteGuestFile /sys/fs/cgroup/ktstr/base/memory.high = 1\n"
        "end of step: put back /sys/fs/cgroup/ktstr/base/memory.high\n"
        "end of step: remove cgroup own\n");
}

TEST_CASE("files that other Ops write, and those by which the guest is run, are refused") {
  OpBench bench;
  bench.context.MakeCgroup("", "hot");
  const std::string cgroups = "/sys/fs/cgroup/";
  for (const std::string& path :
       {std::string("/proc/1/oom_score_adj"), std::string("/proc/self/comm"), std::string("/dev/vport0p1"),
        cgroups + "cgroup.procs", cgroups + "ktstr/cgroup.freeze", cgroups + "ktstr/hot/cgroup.procs",
        cgroups + "ktstr/hot/cpuset.cpus", cgroups + "ktstr/hto/cpu.weight",
        std::string("/sys/devices/system/cpu/cpu1/online"), std::string("/proc/sys/../1/comm")})
    bench.Plan("WriteGuestFile", Write(path));
  const std::string own = " is written by an Op of its own, which checks know of (use ";
  const std::string root = " is of a cgroup that PID 1 itself is in, or that is not the scenario's\n";
  CHECK(bench.Messages() ==
        "steps/0/ops/0/path: /proc/1/oom_score_adj is PID 1's own\n"
        "steps/0/ops/1/path: /proc/self/comm is PID 1's own\n"
        "steps/0/ops/2/path: /dev/vport0p1 is what the guest talks to the host by, or its memory or disk\n"
        "steps/0/ops/3/path: /sys/fs/cgroup/cgroup.procs" +
            root + "steps/0/ops/4/path: /sys/fs/cgroup/ktstr/cgroup.freeze" + own +
            "FreezeCgroup)\n"
            "steps/0/ops/5/path: /sys/fs/cgroup/ktstr/hot/cgroup.procs" +
            own +
            "MoveAllTasks)\n"
            "steps/0/ops/6/path: /sys/fs/cgroup/ktstr/hot/cpuset.cpus" +
            own +
            "SetCpuset)\n"
            "steps/0/ops/7/path: no cgroup 'hto' is alive at this point (did you mean 'hot' (created in step "
            "'one')?)\n"
            "steps/0/ops/8/path: /sys/devices/system/cpu/cpu1/online" +
            own +
            "SetCpuOnline)\n"
            "steps/0/ops/9/path: a path of the guest goes straight to its file (leave out '.' and '..')\n");
}

TEST_CASE("ReadGuestFile makes a tag, which may be used again as a series") {
  OpBench bench;
  bench.Labels();
  for (int i = 0; i < 2; ++i) bench.Plan("ReadGuestFile", {{"path", "/proc/stat"}, {"tag", "stat"}});
  CHECK(bench.Labels() == "ReadGuestFile stat <- /proc/stat\nReadGuestFile stat <- /proc/stat\n");
  CHECK(bench.context.state().TagsOf(Tags::kFile).size() == 1);
  bench.Plan("ReadGuestFile", {{"path", "/dev/kmsg"}, {"tag", "log"}});
  CHECK(bench.Messages() == "steps/0/ops/2/path: /dev/kmsg is a device: reading one may never end\n");
}
