// Worker groups through the executor: their life, their reports, and every way in which one can fail.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "guest-init/base/fd.h"
#include "guest-init/base/file_io.h"
#include "guest-init/worker_main.h"
#include "test/unit/guest-init/guest_process.h"
#include "workloads/work_type.h"

namespace ktstr::guest {
namespace {

StopWorkers Stop(std::vector<std::uint32_t> groups) { return {std::move(groups)}; }
MarkPhase Mark(std::uint32_t phase, bool end = false) { return {phase, end}; }

/// Waits until the workers have made progress since `before`.
void AwaitProgress(GuestProcess& guest, std::uint64_t before, std::uint32_t phase = 1) {
  while (guest.Call(Mark(phase)).mark->total_iterations <= before) {
  }
}

TEST_CASE("the guest introduces itself") {
  GuestProcess guest;
  CHECK(guest.ready.decl_hash == WireHash(WorkTypes::Alternatives()));
  CHECK(guest.ready.online_cpus >= 1);
  CHECK_FALSE(guest.ready.kernel_release.empty());
  CHECK(guest.ready.boot_id.size() == 36);
  CHECK(guest.Call(Ping{}).error.empty());
}

TEST_CASE("a group runs and is collected, in worker order") {
  GuestProcess guest;
  StartWorkers request = Workers(4, "Mixed", 5);
  request.group_idx = 2;
  CHECK(guest.Call(request).error.empty());
  AwaitProgress(guest, 0);
  CHECK(guest.Call(Mark(1)).mark->live_workers == 5);
  CHECK(guest.Call(Stop({4})).error.empty());
  REQUIRE(guest.reports.size() == 5);
  for (std::uint32_t i = 0; i < 5; ++i) {
    const WorkerReport& report = guest.reports[i];
    CHECK(report.index == i);
    CHECK(report.completed);
    CHECK(report.group_idx == 2);
    CHECK_FALSE(report.exit_info.has_value());
    CHECK(report.wall_ns > 0);
    CHECK(guest.report_groups[i] == 4);
  }
  CHECK(guest.Call(Mark(1)).mark->live_workers == 0);
  CHECK(guest.Children().empty());
}

TEST_CASE("the total of iterations never goes back, collected groups included") {
  GuestProcess guest;
  REQUIRE(guest.Call(Workers(1, "SpinWait", 1)).error.empty());
  AwaitProgress(guest, 0);
  const std::uint64_t running = guest.Call(Mark(1)).mark->total_iterations;
  REQUIRE(guest.Call(Stop({1})).error.empty());
  const std::uint64_t collected = guest.Call(Mark(1, true)).mark->total_iterations;
  CHECK(collected >= running);
  CHECK(collected == guest.reports[0].iterations);
}

TEST_CASE("several groups are collected one after the other") {
  GuestProcess guest;
  for (std::uint32_t id : {1, 2, 3}) REQUIRE(guest.Call(Workers(id, "FutexPingPong", 4)).error.empty());
  CHECK(guest.Call(Stop({3, 1})).error.empty());
  CHECK(guest.report_groups == std::vector<std::uint32_t>{3, 3, 3, 3, 1, 1, 1, 1});
  CHECK(guest.Call(Finish{}).error.empty());
  CHECK(guest.report_groups.size() == 12);
}

TEST_CASE("backdrop workers ship their phases") {
  GuestProcess guest;
  StartWorkers request = Workers(1, "SpinWait", 1);
  REQUIRE(guest.Call(request).error.empty());
  AwaitProgress(guest, 0, 0);
  // Each phase lasts until the worker has been seen to work in it.
  for (const MarkPhase& mark : {Mark(1), Mark(1, true), Mark(2)}) {
    const std::uint64_t before = guest.Call(mark).mark->total_iterations;
    while (guest.Call(mark).mark->total_iterations < before + 3) {
    }
  }
  REQUIRE(guest.Call(Stop({1})).error.empty());
  std::vector<std::uint32_t> phases;
  for (const PhaseSlice& slice : guest.reports[0].phase_slices) phases.push_back(slice.phase);
  CHECK(phases == std::vector<std::uint32_t>{0, 1, kBetweenPhases, 2});
}

TEST_CASE("a killed worker becomes a sentinel, its neighbours report") {
  GuestProcess guest;
  REQUIRE(guest.Call(Workers(1, "SpinWait", 3)).error.empty());
  const std::vector<pid_t> pids = guest.Children();
  REQUIRE(pids.size() == 3);
  kill(pids[1], SIGKILL);
  while (guest.Call(Mark(1)).mark->live_workers != 2) {
  }
  REQUIRE(guest.Call(Stop({1})).error.empty());
  REQUIRE(guest.reports.size() == 3);
  CHECK(guest.reports[0].completed);
  CHECK(guest.reports[2].completed);
  const WorkerReport& sentinel = guest.reports[1];
  CHECK_FALSE(sentinel.completed);
  CHECK(sentinel.tid == pids[1]);
  CHECK(sentinel.index == 1);
  REQUIRE(sentinel.exit_info.has_value());
  CHECK(sentinel.exit_info->kind == ExitKind::kSignaled);
  CHECK(sentinel.exit_info->code == SIGKILL);
  CHECK(sentinel.exit_info->text == "sent no report");
  // What the guest knows of it is kept.
  REQUIRE(sentinel.phase_slices.size() >= 1);
  CHECK(sentinel.wall_ns > 0);
  CHECK(sentinel.created_ns > 0);
}

/// The pipe of `pid`, which is the only one that a worker without partners has open.
std::string ReportPipeOf(pid_t pid) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    std::error_code ignored;
    const std::string target = std::filesystem::read_symlink(entry.path(), ignored).string();
    if (std::stoi(entry.path().filename().string()) > 2 && target.starts_with("pipe:"))
      return entry.path().string();
  }
  return {};
}

TEST_CASE("bytes that are not a report are said to be none") {
  GuestProcess guest;
  REQUIRE(guest.Call(Workers(1, "SpinWait", 2)).error.empty());
  AwaitProgress(guest, 0);
  const std::vector<pid_t> pids = guest.Children();
  REQUIRE(pids.size() == 2);
  {
    const Fd pipe(open(ReportPipeOf(pids[0]).c_str(), O_WRONLY));
    REQUIRE(pipe.valid());
    REQUIRE(write(pipe.get(), "not a report", 12) == 12);
  }
  kill(pids[0], SIGTERM);
  REQUIRE(guest.Call(Stop({1})).error.empty());
  REQUIRE(guest.reports.size() == 2);
  REQUIRE(guest.reports[0].exit_info.has_value());
  CHECK(guest.reports[0].exit_info->kind == ExitKind::kSignaled);
  CHECK(guest.reports[0].exit_info->code == SIGTERM);
  CHECK(guest.reports[0].exit_info->text == "sent 12 bytes that are not a report");
  CHECK(guest.reports[1].completed);
}

TEST_CASE("a worker that does not stop is killed and says so, and the others are not lost") {
  GuestProcess guest;
  REQUIRE(guest.Call(Workers(1, "FutexPingPong", 20)).error.empty());
  const std::vector<pid_t> pids = guest.Children();
  REQUIRE(pids.size() == 20);
  // The first of all, so that those whose turn to be read has not come wait behind it: their reports are made
  // larger than their pipes.
  kill(pids[0], SIGSTOP);
  AwaitProgress(guest, 20 * 2000);
  for (const pid_t pid : pids) {
    const Fd pipe(open(ReportPipeOf(pid).c_str(), O_WRONLY));
    REQUIRE(fcntl(pipe.get(), F_SETPIPE_SZ, 4096) == 4096);
  }
  REQUIRE(guest.Call(Stop({1})).error.empty());
  REQUIRE(guest.reports.size() == 20);
  REQUIRE(guest.reports[0].exit_info.has_value());
  CHECK(guest.reports[0].exit_info->kind == ExitKind::kTimedOut);
  CHECK(guest.reports[0].exit_info->code == SIGKILL);
  CHECK(guest.reports[0].exit_info->text == "sent no report");
  for (std::size_t i = 1; i < 20; ++i) CHECK(guest.reports[i].completed);
  CHECK(guest.reports[19].wake_latencies_ns.size() > 1000);
  CHECK(guest.Children().empty());
}

TEST_CASE("a partner that lost its other half still stops and reports") {
  for (const char* type : {"PipeIo", "FutexPingPong"}) {
    INFO(type);
    GuestProcess guest;
    REQUIRE(guest.Call(Workers(1, type, 2)).error.empty());
    AwaitProgress(guest, 0);
    kill(guest.Children()[0], SIGKILL);
    REQUIRE(guest.Call(Stop({1})).error.empty());
    CHECK_FALSE(guest.reports[0].completed);
    CHECK(guest.reports[1].completed);
  }
}

TEST_CASE("requests for workers that cannot be are refused with the cause") {
  GuestProcess guest;
  CHECK(guest.Call(Workers(1, "Spinwait", 1)).error == "worker group 1: there is no work type 'Spinwait'");
  CHECK(guest.Call(Workers(1, "PipeIo", 3)).error ==
        "worker group 1: 3 workers of PipeIo, which needs a multiple of 2");
  CHECK(guest.Call(Workers(1, "SpinWait", 0)).error ==
        "worker group 1: 0 workers of SpinWait, which needs a multiple of 1");
  StartWorkers elsewhere = Workers(1, "SpinWait", 1);
  elsewhere.cgroup = "nowhere";
  CHECK(guest.Call(elsewhere).error == "there is no cgroup 'nowhere'");
  StartWorkers torn = Workers(1, "PipeIo", 2);
  torn.work_params.pop_back();
  CHECK(guest.Call(torn).error == "worker group 1: PipeIo.burst_iters: the message ends too early");
  StartWorkers padded = Workers(1, "PipeIo", 2);
  padded.work_params.push_back(0);
  CHECK(guest.Call(padded).error == "worker group 1: bytes are left over after the parameters of PipeIo");
  CHECK(guest.Children().empty());

  CHECK(guest.Call(Workers(1, "SpinWait", 1)).error.empty());
  CHECK(guest.Call(Workers(1, "SpinWait", 1)).error == "worker group 1 was started before");
  CHECK(guest.Call(Stop({1, 8})).error == "there is no worker group 8");
  CHECK(guest.reports.empty());
  CHECK(guest.Call(Stop({1})).error.empty());
  CHECK(guest.Call(Stop({1})).error.empty());  // collected already: nothing left to do
  CHECK(guest.Call(Workers(1, "SpinWait", 1)).error == "worker group 1 was started before");
  CHECK(guest.reports.size() == 1);
}

TEST_CASE("workers set themselves up, and what fails is told in their reports") {
  GuestProcess guest;
  StartWorkers request = Workers(1, "SpinWait", 1);
  request.affinity = {4000};
  request.comm = "a-name-longer-than-15";
  request.nice = 7;
  REQUIRE(guest.Call(request).error.empty());
  AwaitProgress(guest, 0);
  const std::string proc = "/proc/" + std::to_string(guest.Children().at(0));
  CHECK(ReadSmallFile((proc + "/comm").c_str()) == "a-name-longer-t\n");
  StartWorkers unnamed = Workers(2, "FutexPingPong", 2);
  unnamed.policy = SchedPolicy::kBatch;
  REQUIRE(guest.Call(unnamed).error.empty());
  REQUIRE(guest.Call(Stop({1})).error.empty());
  CHECK(guest.reports[0].affinity_error ==
        "sched_setaffinity to 4000: Invalid argument (none of these CPUs is in the worker's cpuset)");
  CHECK(guest.reports[0].sched_policy_error.empty());
  AwaitProgress(guest, guest.Call(Mark(1)).mark->total_iterations);
  const std::vector<pid_t> pids = guest.Children();
  REQUIRE(pids.size() == 2);
  CHECK(ReadSmallFile(("/proc/" + std::to_string(pids[0]) + "/comm").c_str()) == "FutexPingPong\n");
  CHECK(sched_getscheduler(pids[0]) == SCHED_BATCH);
  CHECK(getpgid(pids[0]) == pids[0]);
}

TEST_CASE("drawn CPUs are distinct, from the pool, and repeat with the seed") {
  const std::vector<std::uint32_t> pool = {1, 3, 5, 7, 9, 11};
  std::set<std::vector<std::uint32_t>> draws;
  for (std::uint32_t index = 0; index < 50; ++index) {
    const auto drawn = DrawCpus(pool, 3, 99, index);
    REQUIRE(drawn.size() == 3);
    CHECK(std::is_sorted(drawn.begin(), drawn.end()));
    CHECK(std::set(drawn.begin(), drawn.end()).size() == 3);
    CHECK(std::includes(pool.begin(), pool.end(), drawn.begin(), drawn.end()));
    CHECK(DrawCpus(pool, 3, 99, index) == drawn);
    draws.insert(drawn);
  }
  CHECK(draws.size() > 10);  // of 20
  CHECK(DrawCpus(pool, 100, 1, 0) == pool);
}

TEST_CASE("stopping the runner's own cgroup takes only what is in it") {
  GuestProcess guest;
  REQUIRE(guest.Call(CreateCgroup{"other"}).error.empty());
  REQUIRE(guest.Call(Workers(1, "SpinWait", 1)).error.empty());
  CHECK(guest.Call(StopCgroupTasks{"other"}).error.empty());
  CHECK(guest.reports.empty());
  CHECK(guest.Call(StopCgroupTasks{""}).error.empty());
  CHECK(guest.reports.size() == 1);
  CHECK(guest.Call(StopCgroupTasks{"no such"}).error == "there is no cgroup 'no such'");
}

}  // namespace
}  // namespace ktstr::guest
