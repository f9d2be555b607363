// Work types that sleep, yield, fork or change how they are scheduled: sleeps are no latency, what fails is
// no work, and they leave things as they found them.
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <set>

#include "guest-init/base/clock.h"
#include "guest-init/base/units.h"
#include "test/unit/workloads/live_group.h"
#include "workloads/worker/nodes.h"
#include "workloads/worker/own_cgroup.h"

namespace ktstr {
namespace {

TEST_CASE("what one iteration of each is worth, and which samples it leaves") {
  struct Kind {
    const char* name;
    std::uint64_t units;  // of an iteration
    const char* distributions;
  };
  for (const auto& [name, units, distributions] :
       {Kind{"YieldHeavy", 1, ""}, Kind{"Mixed", 1024, ""}, Kind{"TimerLatency", 1, "timer"},
        Kind{"NiceSweep", 512, "wake"}, Kind{"AffinityChurn", 1024, "wake"},
        Kind{"PolicyChurn", 1024, "wake"}, Kind{"ForkExit", 1, "wake cost"},
        Kind{"RtStarvation", 1024, ""}}) {
    INFO(name);
    for (const WorkerReport& report : RunGroup(name, 15)) {
      if (report.work_error.ends_with("Permission denied")) continue;  // NiceSweep, not as root
      CHECK(report.work_error.empty());
      CHECK(report.work_units == report.iterations * units);
      CHECK(Distributions(report) == distributions);
    }
  }
}

TEST_CASE("IdleChurn and TimerLatency measure what comes behind their sleeps") {
  AnyStruct idle = DefaultParams("IdleChurn");
  Param<Duration>(idle, "sleep_duration") = Seconds(1);
  Param<bool>(idle, "precise_timing") = true;
  const WorkerReport churn = RunGroup("IdleChurn", idle, 1)[0];
  REQUIRE(churn.wake_sample_total == 1);
  CHECK(churn.wake_latencies_ns[0] < 1'000'000'000);
  CHECK(churn.work_units % 64 == 0);
  CHECK(Distributions(churn) == "wake");

  AnyStruct timer = DefaultParams("TimerLatency");
  Param<std::uint64_t>(timer, "interval_us") = 500'000;
  const WorkerReport latency = RunGroup("TimerLatency", timer, 2)[0];
  CHECK(latency.timer_sample_total == latency.iterations);
  CHECK(*std::min_element(latency.timer_latencies_ns.begin(), latency.timer_latencies_ns.end()) <
        500'000'000);
}

TEST_CASE("TimerLatency measures the moments that it missed, too") {
  AnyStruct params = DefaultParams("TimerLatency");
  Param<std::uint64_t>(params, "interval_us") = 10'000;
  LiveGroup group("TimerLatency", params);
  group.UntilEach(2);
  kill(group.pids()[0], SIGSTOP);
  const std::uint64_t stopped = MonotonicNs();
  while (MonotonicNs() < stopped + 300'000'000) sched_yield();
  const std::uint64_t before = group.memory().slots()[0].iterations;
  kill(group.pids()[0], SIGCONT);
  group.UntilEach(before + 30);
  const WorkerReport report = group.Stop()[0];
  std::size_t late = 0;
  for (const std::uint64_t ns : report.timer_latencies_ns) late += ns > 100'000'000 ? 1 : 0;
  CHECK(late >= 15);  // of 30 moments: those of the first 200 ms
}

TEST_CASE("a sleep of hours ends with the stop and leaves no sample") {
  for (const auto& [name, field] : {std::pair{"IdleChurn", "sleep_duration"}, {"Bursty", "sleep_duration"}}) {
    INFO(name);
    AnyStruct params = DefaultParams(name);
    Param<Duration>(params, "burst_duration") = Nanoseconds(1);
    Param<Duration>(params, field) = Seconds(3600);
    LiveGroup group(name, params);
    group.Until([](std::span<const WorkerSlot> slots) { return slots[0].blocked_until_ns.load() != 0; });
    const WorkerReport report = group.Stop()[0];
    CHECK(report.wake_sample_total == 0);
    CHECK(report.iterations <= 1);
  }
}

TEST_CASE("AffinityChurn uses each CPU that it has, one at a time, and no other") {
  std::vector<std::uint32_t> own;
  REQUIRE(ReadOwnCpus(own));
  LiveGroup group("AffinityChurn");
  group.UntilEach(1);
  cpu_set_t set;
  REQUIRE(sched_getaffinity(group.pids()[0], sizeof set, &set) == 0);
  CHECK(CPU_COUNT(&set) == 1);
  group.UntilEach(40 * own.size());  // at random, but none is missed so often
  const WorkerReport report = group.Stop()[0];
  CHECK(report.cpus_used == own);
  CHECK((report.migration_count > 0) == (own.size() > 1));
}

TEST_CASE("PolicyChurn and NiceSweep go through their values") {
  AnyStruct params = DefaultParams("PolicyChurn");
  LiveGroup group("PolicyChurn", params);
  std::set<int> policies;
  while (policies.size() < 3) policies.insert(sched_getscheduler(group.pids()[0]) & ~SCHED_RESET_ON_FORK);
  CHECK(*policies.begin() >= 0);
  CHECK(group.Stop()[0].work_error.empty());

  LiveGroup sweep("NiceSweep");
  std::set<int> values;
  const auto pid = static_cast<id_t>(sweep.pids()[0]);
  while (values.size() < 5 && sweep.memory().slots()[0].iterations < 100'000)
    values.insert(getpriority(PRIO_PROCESS, pid));
  const WorkerReport report = sweep.Stop()[0];
  if (report.work_error.empty()) CHECK(values.size() >= 5);
}

TEST_CASE("ForkExit reaps its children, and measures their whole lives") {
  LiveGroup group("ForkExit");
  group.UntilEach(20);
  const WorkerReport report = group.Stop()[0];
  CHECK(report.wake_sample_total == report.iterations);
  CHECK(report.iteration_cost_sample_total == report.iterations);
  for (std::size_t i = 0; i < 5; ++i) CHECK(report.iteration_costs_ns[i] >= report.wake_latencies_ns[i]);
}

TEST_CASE("the processes of a cgroup are listed, the own one included") {
  CHECK(ProcessesIn("/nowhere").empty());
  const std::string own = OwnCgroup();
  if (own.empty() || ProcessesIn(own).empty()) return;  // a host with cgroup v1, or a container
  const std::vector<std::int32_t> pids = ProcessesIn(own);
  CHECK(std::count(pids.begin(), pids.end(), getpid()) == 1);
}

TEST_CASE("roles of groups with real-time members are by position") {
  AnyStruct params = DefaultParams("RtStarvation");
  const WorkTypeDecl& starvation = *FindWorkType("RtStarvation");
  Param<std::uint32_t>(params, "rt_workers") = 2;
  Param<std::uint32_t>(params, "rt_priority") = 9;
  CHECK(GroupSize(starvation, params.data()) == 3);
  CHECK(RoleOf(starvation, params.data(), 1).policy == SchedPolicy::kFifo);
  CHECK(RoleOf(starvation, params.data(), 1).rt_priority == 9);
  CHECK(RoleOf(starvation, params.data(), 2).policy == SchedPolicy::kNormal);
  const WorkTypeDecl& storm = *FindWorkType("PreemptStorm");
  const AnyStruct defaults = DefaultParams("PreemptStorm");
  CHECK(GroupSize(storm, defaults.data()) == 3);
  CHECK(RoleOf(storm, defaults.data(), 0).rt_priority == 1);
  CHECK(RoleOf(storm, defaults.data(), 1).policy == SchedPolicy::kNormal);
  for (const WorkerReport& report : RunGroup("PreemptStorm", 20)) CHECK(Distributions(report).empty());
}

TEST_CASE("NumaMigrationChurn stays within its CPUs and counts only moves") {
  if (OnlineNodes().empty()) return;
  AnyStruct params = DefaultParams("NumaMigrationChurn");
  Param<std::uint64_t>(params, "period_ms") = 1;
  const WorkerReport report = RunGroup("NumaMigrationChurn", params, 5)[0];
  CHECK(report.work_error.empty());
  CHECK(report.work_units == report.iterations * 256);
  CHECK(Distributions(report).empty());
}

}  // namespace
}  // namespace ktstr
