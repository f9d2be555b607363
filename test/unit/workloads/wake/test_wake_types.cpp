// Work types whose members wake each other: who counts what, whose wake-ups are measured, and that waiting is
// neither work nor a gap.
#include <sched.h>
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>

#include "guest-init/base/units.h"
#include "test/unit/workloads/live_group.h"

namespace ktstr {
namespace {

TEST_CASE("what members of a group do is counted, and their wake-ups are told from their waits") {
  for (const char* name : {"PipeIo", "CachePipe", "FutexPingPong", "AsymmetricWaker", "WakeChain",
                           "FutexFanOut", "FanOutCompute", "MutexContention", "EpollStorm"}) {
    INFO(name);
    LiveGroup group(name);
    group.UntilEach(20);
    std::uint64_t wakes = 0;
    for (const WorkerReport& report : group.Stop()) {
      CHECK(report.work_error.empty());
      CHECK(report.iterations >= 20);
      CHECK(report.work_units > 0);
      CHECK(report.timer_sample_total + report.iteration_cost_sample_total == 0);
      wakes += report.wake_sample_total;
    }
    // Whether a lock is ever found taken is up to the host.
    if (std::string(name) != "MutexContention") CHECK(wakes > 0);
  }
}

TEST_CASE("a messenger measures no wake-ups, those that it wakes do") {
  for (const char* name : {"FutexFanOut", "FanOutCompute"}) {
    INFO(name);
    const WorkTypeDecl& type = *FindWorkType(name);
    const AnyStruct params = DefaultParams(name);
    REQUIRE(GroupSize(type, params.data()) == 5);
    CHECK(RoleOf(type, params.data(), 0).messenger);
    CHECK_FALSE(RoleOf(type, params.data(), 4).messenger);
    const auto reports = RunGroup(name, 20);
    CHECK(Distributions(reports[0]).empty());
    std::uint64_t wakes = 0;
    for (std::size_t i = 1; i < reports.size(); ++i) wakes += reports[i].wake_sample_total;
    CHECK(wakes > 0);
  }
  const auto pair = RunGroup("AsymmetricWaker", 50);
  CHECK(Distributions(pair[0]).empty());
  CHECK(Distributions(pair[1]) == "wake");
}

TEST_CASE("FanOutCompute answers every request once, and counts its rows") {
  AnyStruct params = DefaultParams("FanOutCompute");
  Param<std::uint64_t>(params, "cache_footprint_kib") = 24;  // three matrices of 32 x 32
  Param<std::uint64_t>(params, "operations") = 2;
  const auto reports = RunGroup("FanOutCompute", params, 10);
  for (std::size_t i = 1; i < reports.size(); ++i) {
    CHECK(reports[i].iterations >= reports[0].iterations);
    CHECK(reports[i].iterations <= reports[0].iterations + 1);
    CHECK(reports[i].work_units >= reports[i].iterations * 64);
    CHECK(reports[i].work_units < (reports[i].iterations + 1) * 64);
  }
}

TEST_CASE("a sleep within a wait is no wake latency") {
  AnyStruct params = DefaultParams("ThunderingHerd");
  Param<std::uint64_t>(params, "inter_batch_ms") = 300;
  const auto reports = RunGroup("ThunderingHerd", params, 2);
  REQUIRE(reports.size() == 8);
  for (const WorkerReport& report : reports) {
    CHECK(Distributions(report) == "wake");
    CHECK(report.work_units == report.iterations);
    // Had they the sleep in them, none could be shorter.
    CHECK(*std::min_element(report.wake_latencies_ns.begin(), report.wake_latencies_ns.end()) < 300'000'000);
  }
}

TEST_CASE("ThunderingHerd wakes nobody any more after its batches, and still stops") {
  AnyStruct params = DefaultParams("ThunderingHerd");
  Param<std::uint64_t>(params, "inter_batch_ms") = 1;
  Param<std::uint64_t>(params, "batches") = 3;
  const auto reports = RunGroup("ThunderingHerd", params, 1);
  for (const WorkerReport& report : reports) CHECK(report.iterations <= 3);
}

TEST_CASE("a lock is never held by two, whoever waits for it") {
  AnyStruct params = DefaultParams("MutexContention");
  Param<std::uint32_t>(params, "contenders") = 6;
  Param<std::uint64_t>(params, "work_iters") = 0;
  std::uint64_t wakes = 0;
  // On one CPU each may have finished before the next begins.
  for (int round = 0; round < 100 && wakes == 0; ++round)
    for (const WorkerReport& report : RunGroup("MutexContention", params, 100)) {
      CHECK(report.work_units == report.iterations * 256);
      wakes += report.wake_sample_total;
    }
  CHECK(wakes > 0);
}

TEST_CASE("PriorityInversion: the high ones alone say how long they waited for the lock") {
  for (const int pi_mode : {0, 1}) {
    INFO(pi_mode);
    AnyStruct params = DefaultParams("PriorityInversion");
    const WorkTypeDecl& type = *FindWorkType("PriorityInversion");
    const FieldDecl& mode = *params.decl()->Find("pi_mode");
    mode.type().enumeration->store(mode.member(params.data()), pi_mode);
    const auto priority = [&](std::uint32_t position) {
      CHECK(RoleOf(type, params.data(), position).policy == SchedPolicy::kFifo);
      return RoleOf(type, params.data(), position).rt_priority;
    };
    CHECK(priority(0) == 70);
    CHECK(priority(1) == 50);
    CHECK(priority(2) == 30);
    const auto reports = RunGroup("PriorityInversion", params, 20);
    REQUIRE(reports.size() == 3);
    for (const WorkerReport& report : reports) CHECK(report.work_error.empty());
    CHECK(reports[0].iteration_cost_sample_total >= reports[0].iterations);
    CHECK(reports[1].iteration_cost_sample_total + reports[1].wake_sample_total == 0);
    CHECK(reports[2].iteration_cost_sample_total == 0);
    if (pi_mode == 1) CHECK(reports[2].wake_sample_total == 0);
  }
}

TEST_CASE("what consumers take was put in, and no queue is longer than it may be") {
  AnyStruct params = DefaultParams("ProducerConsumerImbalance");
  Param<std::uint32_t>(params, "queue_depth_target") = 5;
  const auto reports = RunGroup("ProducerConsumerImbalance", params, 50);
  REQUIRE(reports.size() == 3);
  const std::uint64_t put = reports[0].iterations + reports[1].iterations;
  CHECK(put >= reports[2].iterations);
  CHECK(put <= reports[2].iterations + 5 + 1);  // one may have been taken and not yet used
  CHECK(reports[0].work_units == reports[0].iterations);
  CHECK(reports[2].work_units == reports[2].iterations * 4096);
}

TEST_CASE("producers that find the queue full wait, and are woken") {
  AnyStruct params = DefaultParams("ProducerConsumerImbalance");
  Param<std::uint32_t>(params, "queue_depth_target") = 1;
  Param<std::uint64_t>(params, "produce_rate_hz") = 1'000'000;
  Param<std::uint64_t>(params, "consume_iters") = 100'000;
  const auto reports = RunGroup("ProducerConsumerImbalance", params, 5);
  CHECK(reports[0].wake_sample_total + reports[1].wake_sample_total > 0);
}

TEST_CASE("an event of EpollStorm is taken once, by one") {
  AnyStruct params = DefaultParams("EpollStorm");
  Param<std::uint32_t>(params, "consumers") = 4;
  const auto reports = RunGroup("EpollStorm", params, 3);
  REQUIRE(reports.size() == 5);
  std::uint64_t taken = 0;
  for (std::size_t i = 1; i < reports.size(); ++i) taken += reports[i].iterations;
  CHECK(reports[0].work_units == reports[0].iterations * 32);
  CHECK(taken >= reports[0].work_units);
  CHECK(taken <= reports[0].work_units + 32);
}

TEST_CASE("WakeChain goes round by either mechanism, one hop at a time") {
  for (const int wake : {0, 1}) {
    INFO(wake);
    AnyStruct params = DefaultParams("WakeChain");
    Param<std::uint32_t>(params, "depth") = 3;
    const FieldDecl& mechanism = *params.decl()->Find("wake");
    mechanism.type().enumeration->store(mechanism.member(params.data()), wake);
    const auto reports = RunGroup("WakeChain", params, 20);
    REQUIRE(reports.size() == 3);
    for (const WorkerReport& report : reports) {
      CHECK(report.iterations <= reports[0].iterations);
      CHECK(report.iterations + 1 >= reports[0].iterations);
      CHECK(report.wake_sample_total > 0);
      CHECK(report.wake_sample_total <= report.iterations + 1);
    }
  }
}

TEST_CASE("SignalStorm's signals do not disturb what its partner does") {
  for (const WorkerReport& report : RunGroup("SignalStorm", 100)) {
    CHECK(report.work_error.empty());
    CHECK(report.work_units == report.iterations * (1024 + 16));
    CHECK(Distributions(report).empty());
  }
}

TEST_CASE("a signal to a partner that is gone is an error, not work") {
  LiveGroup group("SignalStorm");
  group.UntilEach(1);
  kill(group.pids()[1], SIGKILL);
  REQUIRE(waitpid(group.pids()[1], nullptr, 0) == group.pids()[1]);
  group.UntilEnded();
  const WorkerReport report = group.Stop()[0];
  CHECK(report.work_error == "tkill of the partner: No such process");
}

TEST_CASE("a wait that a partner's death leaves endless is a block, and ends with the stop") {
  for (const char* name : {"PipeIo", "FutexPingPong", "WakeChain", "AsymmetricWaker", "MutexContention"}) {
    INFO(name);
    LiveGroup group(name);
    group.UntilEach(5);
    kill(group.pids()[1], SIGSTOP);
    const WorkerSlot& slot = group.memory().slots()[0];
    if (std::string(name) != "MutexContention")  // whose others go on, unless the stopped one has the lock
      while (slot.blocked_until_ns.load() != kUntilWoken) sched_yield();
    group.memory().RequestStop();
    REQUIRE(waitpid(group.pids()[0], nullptr, 0) == group.pids()[0]);
    kill(group.pids()[1], SIGKILL);
    CHECK(group.Stop()[0].completed);
  }
}

}  // namespace
}  // namespace ktstr
