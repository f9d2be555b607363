// Workers that are moved and rescheduled while they live. Plain files stand in for cgroups, so that the test
// says which CPUs those allow; processes and their scheduling are the kernel's.
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "guest-init/base/file_io.h"
#include "guest-init/base/units.h"
#include "test/unit/guest-init/guest_process.h"

namespace ktstr::guest {
namespace {

std::string Parent(const GuestProcess& guest, const std::string& file) {
  return guest.cgroup_parent() + "/" + file;
}

/// A cgroup whose tasks may use these CPUs, as far as its files say.
void Make(GuestProcess& guest, const std::string& name, const std::string& effective) {
  REQUIRE(guest.Call(CreateCgroup{name}).error.empty());
  std::ofstream(Parent(guest, name + "/cgroup.procs")) << "";
  std::ofstream(Parent(guest, name + "/cpuset.cpus.effective")) << effective << "\n";
}

void AwaitProgress(GuestProcess& guest) {
  const std::uint64_t before = guest.Call(MarkPhase{1}).mark->total_iterations;
  while (guest.Call(MarkPhase{1}).mark->total_iterations <= before) continue;
}

const std::string kAll = "0-255";
const std::string kNone = "255";  // a CPU that no machine of ours has

TEST_CASE("a move cuts the workers' lives, and each part is judged by the cgroup it was lived in") {
  GuestProcess guest;
  Make(guest, "a", kAll);
  Make(guest, "b", kNone);
  StartWorkers request = Workers(1, "SpinWait", 2);
  request.cgroup = "a";
  REQUIRE(guest.Call(request).error.empty());
  AwaitProgress(guest);
  const Reply moved = guest.Call(MoveWorkers{{1}, "b"});
  REQUIRE(moved.error.empty());
  REQUIRE(moved.mark);
  CHECK(moved.mark->live_workers == 2);
  // The last one that was written there.
  const std::vector<pid_t> workers = guest.Children();
  CHECK(ReadSmallFile(Parent(guest, "b/cgroup.procs").c_str()) == std::to_string(workers.back()));
  AwaitProgress(guest);
  REQUIRE(guest.Call(StopCgroupTasks{"b"}).error.empty());
  REQUIRE(guest.reports.size() == 2);
  for (const WorkerReport& report : guest.reports) {
    bool before = false, after = false;
    for (const PhaseSlice& slice : report.phase_slices) {
      const bool in_b = slice.begin_ns >= moved.mark->clock_ns;
      (in_b ? after : before) = true;
      CHECK((slice.cpus_allowed == std::vector<std::uint32_t>{255}) == in_b);
      // In `b` every CPU is a wrong one; nobody is accused of where it was in `a`. A worker that was about to
      // look where it is when it was moved looks as one of `b`, and writes that into the slice that it is in.
      if (!in_b && !slice.cpus_outside.empty()) CHECK(slice.outside_of == std::vector<std::uint32_t>{255});
      if (in_b && !slice.cpus_used.empty()) CHECK(slice.cpus_outside == slice.cpus_used);
    }
    CHECK(before);
    CHECK(after);
  }
}

TEST_CASE("what cannot be moved is named, and the group stays where it was") {
  GuestProcess guest;
  Make(guest, "a", kAll);
  StartWorkers request = Workers(1, "SpinWait", 1);
  request.cgroup = "a";
  REQUIRE(guest.Call(request).error.empty());
  CHECK(guest.Call(MoveWorkers{{1}, "gone"}).error == "there is no cgroup 'gone'");
  CHECK(guest.Call(MoveWorkers{{7}, "a"}).error == "there is no worker group 7");
  REQUIRE(guest.Call(CreateCgroup{"shut"}).error.empty());  // it has no cgroup.procs
  const std::string pid = std::to_string(guest.Children().back());
  CHECK(guest.Call(MoveWorkers{{1}, "shut"}).error ==
        "worker a/0: moving process " + pid + " into cgroup 'shut': No such file or directory");
  REQUIRE(guest.Call(StopCgroupTasks{"a"}).error.empty());
  CHECK(guest.reports.size() == 1);
}

TEST_CASE("the affinity, policy and nice value of live workers are those of the last change") {
  GuestProcess guest;
  REQUIRE(guest.Call(Workers(1, "SpinWait", 2)).error.empty());
  const std::vector<pid_t> workers = guest.Children();
  cpu_set_t all;
  sched_getaffinity(0, sizeof all, &all);
  std::uint32_t first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  const auto allowed = [&](pid_t pid) {
    cpu_set_t set;
    REQUIRE(sched_getaffinity(pid, sizeof set, &set) == 0);
    return set;
  };
  AdjustWorkers change;
  change.groups = {1};
  change.cpus = TaskCpus{{first}};
  change.nice = 7;
  change.policy = TaskPolicy{SchedPolicy::kBatch};
  REQUIRE(guest.Call(change).error.empty());
  for (const pid_t pid : workers) {
    const cpu_set_t set = allowed(pid);
    CHECK(CPU_COUNT(&set) == 1);
    CHECK(CPU_ISSET(first, &set));
    CHECK(getpriority(PRIO_PROCESS, static_cast<id_t>(pid)) == 7);
    CHECK(sched_getscheduler(pid) == SCHED_BATCH);
  }
  AdjustWorkers lifted;
  lifted.groups = {1};
  lifted.cpus = TaskCpus{{}};
  for (std::uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) lifted.cpus->cpus.push_back(cpu);
  lifted.policy = TaskPolicy{SchedPolicy::kIdle};
  REQUIRE(guest.Call(lifted).error.empty());
  for (const pid_t pid : workers) {
    const cpu_set_t set = allowed(pid);
    CHECK(CPU_EQUAL(&set, &all));
    CHECK(getpriority(PRIO_PROCESS, static_cast<id_t>(pid)) == 7);
    CHECK(sched_getscheduler(pid) == SCHED_IDLE);
  }
  change.cpus = TaskCpus{{4000}};
  CHECK(guest.Call(change).error ==
        "worker runner/0: sched_setaffinity to 4000: Invalid argument (none of these CPUs is in the worker's "
        "cpuset)");
}

}  // namespace
}  // namespace ktstr::guest
