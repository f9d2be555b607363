// PID 1's account of a worker's time, beside the worker's own telemetry, on a clock and a kernel that the
// test plays.
#include <catch2/catch.hpp>
#include <numeric>

#include "guest-init/base/xorshift.h"
#include "guest-init/kernel_look.h"
#include "guest-init/worker_account.h"
#include "test/unit/workloads/worker/fake_probe.h"

namespace ktstr::guest {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kLookEveryMs = 100;

/// One worker, its kernel and PID 1. All times are whole milliseconds.
class World {
 public:
  World() : account_({1, FakeProbe().now_ns}, 0, {}, 0) {
    control_.slice = NextMark().Pack();
    Pass(3, TaskState::kSleeping);  // forked, not yet let go
    control_.released_ns = probe_.now_ns;
    account_.Release(probe_.now_ns);
  }

  void Run(std::uint64_t ms) {
    Start();
    for (std::uint64_t i = 0; i < ms; ++i) {
      Pass(1, TaskState::kRunnable, true);
      telemetry_->EndIteration(1024);
    }
  }
  void Starve(std::uint64_t ms) { Stall(ms, TaskState::kRunnable); }
  /// Takes a CPU first: without one no task stops.
  void StopBySignal(std::uint64_t ms) {
    Start();
    Stall(ms, TaskState::kStopped);
  }
  /// Sleeps, and gets a CPU so long after the sleep is over.
  void Sleep(std::uint64_t ms, std::uint64_t late_ms) {
    Start();
    const std::uint64_t begin = telemetry_->BeginSleep(ms * kMs);
    Pass(ms, TaskState::kSleeping);
    Stall(late_ms, TaskState::kRunnable);
    GetCpu();
    telemetry_->EndBlock(begin + ms * kMs);
    telemetry_->EndIteration(0);
  }
  /// Waits until somebody wakes it, and gets a CPU so long after that.
  void AwaitPartner(std::uint64_t ms, std::uint64_t late_ms) {
    Start();
    telemetry_->BeginBlock();
    Pass(ms, TaskState::kSleeping);
    Stall(late_ms, TaskState::kRunnable);
    GetCpu();
    telemetry_->EndBlock(probe_.now_ns);
    telemetry_->EndIteration(0);
  }
  /// Marks after so many of the milliseconds to come.
  void MarkIn(std::uint64_t ms) { mark_in_ms_ = ms; }
  void Mark() {
    const Sight sight = See();
    const SliceMark mark = NextMark();
    control_.slice = mark.Pack();
    account_.Mark(sight, mark, ordinal_);
  }

  WorkerReport End() {
    account_.End(See(), probe_.now_ns);
    return account_.Write(telemetry_ ? telemetry_->Finish() : WorkerReport{});
  }
  /// Of a worker that left no report.
  WorkerReport EndWithout() {
    account_.End(See(), probe_.now_ns);
    return account_.Write({});
  }

  [[nodiscard]] std::uint64_t now_ns() const { return probe_.now_ns; }
  struct Truth {
    std::uint64_t begin_ns = 0, end_ns = 0;
    bool wait = false;
  };
  std::vector<Truth> stalls;
  std::uint64_t cpu_ns = 0;

 private:
  SliceMark NextMark() { return {++ordinal_, probe_.now_ns}; }

  void Start() {
    if (telemetry_) return;
    GetCpu();
    telemetry_.emplace(probe_, control_, slot_, 1);
  }
  void GetCpu() {
    task_.run_delay_ns += std::exchange(waited_ns_, 0);
    task_.run_count += 1;
  }
  void Stall(std::uint64_t ms, TaskState state) {
    if (ms == 0) return;
    const bool wait = state == TaskState::kRunnable;
    stalls.push_back({probe_.now_ns, probe_.now_ns + ms * kMs, wait});
    Pass(ms, state);
    if (wait && telemetry_) GetCpu();
  }
  void Pass(std::uint64_t ms, TaskState state, bool runs = false) {
    task_.state = state;
    for (std::uint64_t i = 0; i < ms; ++i) {
      probe_.PassMs(1);
      if (runs) {
        task_.cpu_ns += kMs;
        probe_.cpu_ns += kMs;
        cpu_ns += kMs;
      } else if (state == TaskState::kRunnable) {
        waited_ns_ += kMs;
      }
      if (mark_in_ms_ > 0 && --mark_in_ms_ == 0) Mark();
      if (probe_.now_ns / kMs % kLookEveryMs == 0) account_.Look(See());
    }
  }
  Sight See() {
    task_.schedstat = true;
    return {probe_.now_ns, SlotLook::Read(slot_), task_, cgroup_, 0, 0};
  }

  FakeProbe probe_;
  GroupControl control_;
  WorkerSlot slot_;
  std::uint16_t ordinal_ = 0;
  WorkerAccount account_;
  std::optional<Telemetry> telemetry_;
  TaskLook task_;
  CgroupLook cgroup_;
  std::uint64_t waited_ns_ = 0;
  std::uint64_t mark_in_ms_ = 0;
};

/// How much of a stall lies in a slice, in ms.
std::uint64_t Inside(const World::Truth& stall, const PhaseSlice& slice) {
  const std::uint64_t begin = std::max(stall.begin_ns, slice.begin_ns);
  const std::uint64_t end = std::min(stall.end_ns, slice.begin_ns + slice.wall_ns);
  return end > begin ? (end - begin) / kMs : 0;
}

void CheckAddsUp(const World& world, const WorkerReport& report) {
  std::uint64_t at = report.created_ns;
  Measures sum;
  for (const PhaseSlice& slice : report.phase_slices) {
    CHECK(slice.begin_ns == at);
    at += slice.wall_ns;
    CHECK(slice.off_cpu_ns == slice.wall_ns - slice.cpu_time_ns);
    sum.wall_ns += slice.wall_ns;
    sum.cpu_time_ns += slice.cpu_time_ns;
    sum.run_delay_ns += slice.run_delay_ns;
    sum.iterations += slice.iterations;
  }
  CHECK(at == world.now_ns());
  CHECK(sum.wall_ns == report.wall_ns);
  CHECK(sum.cpu_time_ns == world.cpu_ns);
  CHECK(sum.run_delay_ns == report.run_delay_ns);
  CHECK(sum.iterations == report.iterations);
}

TEST_CASE("random lives: the slices add up to them and no gap is told too short or too long") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    Xorshift64 rng(seed * 0x9E3779B97F4A7C15);
    rng.Next();
    World world;
    const std::uint64_t length = 1 + rng.Next() % 12;
    for (std::uint64_t i = 0; i < length; ++i) {
      if (rng.Next() % 2 == 0) world.MarkIn(1 + rng.Next() % 300);
      const std::uint64_t ms = 1 + rng.Next() % 400;
      const std::uint64_t late = rng.Next() % 2 == 0 ? rng.Next() % 500 : 0;
      switch (rng.Next() % 5) {
        case 0:
        case 1:
          world.Run(ms);
          break;
        case 2:
          world.Starve(ms);
          break;
        case 3:
          world.StopBySignal(ms);
          break;
        default:
          world.Sleep(ms, late);
      }
    }
    const WorkerReport report = world.End();
    CheckAddsUp(world, report);
    std::uint64_t delay_ms = 0, waited = 0, stood = 0;  // up to the end of the slice
    for (const PhaseSlice& slice : report.phase_slices) {
      std::uint64_t longest = 0, all = 0;
      for (const World::Truth& stall : world.stalls) {
        longest = std::max(longest, Inside(stall, slice));
        all += Inside(stall, slice);
        (stall.wait ? waited : stood) += Inside(stall, slice);
      }
      CHECK(slice.max_gap_ms >= longest);
      CHECK(slice.max_gap_ms <= all + 1);  // two that touch are one gap; an iteration takes 1 ms
      // A wait that goes on at a mark is bounded from above. It may be too long by an iteration, and by what
      // else kept the worker from progress since it last made some: stops, and waits that are accounted
      // already.
      delay_ms += slice.run_delay_ns / kMs;
      CHECK(delay_ms >= waited);
      CHECK(delay_ms <= 2 * waited + stood + 1);
    }
  }
}

TEST_CASE("random waits for partners: a long wait for a CPU is told, a long sleep is not blamed") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    Xorshift64 rng(seed * 0x9E3779B97F4A7C15);
    rng.Next();
    World world;
    std::uint64_t longest_late = 0;
    for (std::uint64_t i = 0; i < 8; ++i) {
      if (rng.Next() % 2 == 0) world.MarkIn(1 + rng.Next() % 300);
      const std::uint64_t late = rng.Next() % 2 == 0 ? 2 * kLookEveryMs + rng.Next() % 400 : rng.Next() % 3;
      longest_late = std::max(longest_late, late);
      world.AwaitPartner(1 + rng.Next() % 2000, late);
      world.Run(1 + rng.Next() % 20);
    }
    const WorkerReport report = world.End();
    CheckAddsUp(world, report);
    for (const PhaseSlice& slice : report.phase_slices) {
      std::uint64_t longest = 0;
      for (const World::Truth& stall : world.stalls)
        if (stall.end_ns - stall.begin_ns >= 2 * kLookEveryMs * kMs)
          longest = std::max(longest, Inside(stall, slice));
      CHECK(slice.max_gap_ms >= longest);
    }
    CHECK(report.max_gap_ms >= (longest_late >= 2 * kLookEveryMs ? longest_late : 0));
    CHECK(report.max_gap_ms <= longest_late + kLookEveryMs);
  }
}

TEST_CASE("a worker that never got a CPU has a slice for each phase and waited in all of them") {
  World world;
  world.Starve(700);
  world.Mark();
  world.Starve(400);
  const WorkerReport report = world.EndWithout();
  CheckAddsUp(world, report);
  REQUIRE(report.phase_slices.size() == 2);
  CHECK(report.phase_slices[0].max_gap_ms == 700);
  CHECK(report.phase_slices[0].waiting_ns == 700 * kMs);
  CHECK(report.phase_slices[0].state == TaskState::kRunnable);
  CHECK(report.phase_slices[1].wall_ns == 400 * kMs);
  CHECK(report.phase_slices[1].iterations == 0);
  CHECK(report.phase_slices[1].max_gap_ms == 400);
  CHECK(report.phase_slices[1].run_delay_ns == 400 * kMs);
  CHECK(report.phase_slices[1].waiting_ns == 1100 * kMs);
  CHECK(report.max_gap_ms == 1100);  // not cut at the mark
  CHECK(report.run_delay_ns == 1100 * kMs);
}

TEST_CASE("a worker that sleeps through a phase by its own wish has no gap in it") {
  World world;
  world.Run(10);
  world.MarkIn(50);
  world.Sleep(900, 0);
  world.Mark();
  const WorkerReport report = world.End();
  REQUIRE(report.phase_slices.size() == 3);
  CHECK(report.phase_slices[1].max_gap_ms == 0);
  CHECK(report.phase_slices[1].iterations == 1);
}

TEST_CASE("a slice has what the worker saw of its cpuset and what the kernel let in meanwhile") {
  WorkerAccount account({1, 1000}, 1, {}, 0);
  Sight sight;
  sight.now_ns = 9000;
  sight.cgroup.cpus = {2, 3};
  sight.cgroup.let_in = {1};
  account.End(sight, 9000);
  WorkerReport own;
  own.completed = true;
  own.phase_slices.resize(1);
  own.phase_slices[0].begin_ns = 1000;
  own.phase_slices[0].cpus_used = {0, 1};
  own.phase_slices[0].cpus_outside = {0};
  own.phase_slices[0].outside_of = {1};
  const PhaseSlice slice = account.Write(own).phase_slices.at(0);
  CHECK(slice.cpus_used == std::vector<std::uint32_t>{0, 1});
  CHECK(slice.cpus_outside == std::vector<std::uint32_t>{0});
  CHECK(slice.outside_of == std::vector<std::uint32_t>{1});
  CHECK(slice.cpus_let_in == std::vector<std::uint32_t>{1});
  CHECK(slice.cpus_allowed == std::vector<std::uint32_t>{2, 3});
}

TEST_CASE("the state and the CPU of a task are read behind its name, whatever that is") {
  const TaskStat stat = ParseTaskStat(
      "42 (a) b (c) R 7 41 40 0 -1 4194368 25 0 0 0 7 1 0 0 20 0 1 0 123 1000 50 18446744073709551615 1 1 0 "
      "0 0 "
      "0 0 0 0 0 0 0 17 3 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
  CHECK(stat.state == TaskState::kRunnable);
  CHECK(stat.parent == 7);
  CHECK(stat.process_group == 41);
  CHECK(stat.session == 40);
  CHECK(stat.flags == 4194368);
  CHECK(stat.cpu == 3);
  CHECK(ParseTaskStat("").state == TaskState::kUnknown);
  CHECK(ParseTaskStat("7 (x) T").state == TaskState::kStopped);
}

TEST_CASE("throttled time is told in nanoseconds") {
  CHECK(ParseThrottled("usage_usec 5\nnr_throttled 2\nthrottled_usec 1234\nnr_bursts 0\n") == 1'234'000);
  CHECK(ParseThrottled("usage_usec 5\n") == 0);
}

}  // namespace
}  // namespace ktstr::guest
