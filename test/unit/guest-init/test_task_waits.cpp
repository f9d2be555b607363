// How long a task that is only looked at from outside waited for a CPU: never told too long, and never much
// too short.
#include <catch2/catch.hpp>
#include <random>

#include "guest-init/task_waits.h"

namespace ktstr::guest {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

TaskLook At(TaskState state, std::uint64_t cpu_ms, std::uint64_t run_count) {
  TaskLook look;
  look.schedstat = true;
  look.state = state;
  look.cpu_ns = cpu_ms * kMs;
  look.run_count = run_count;
  look.cpu = 1;
  return look;
}

TEST_CASE("a task waits from the first look at which it was runnable until it runs") {
  TaskWaits waits;
  CHECK_FALSE(waits.Look(7, At(TaskState::kSleeping, 5, 3), {100}));
  CHECK_FALSE(waits.Waits(7));
  CHECK_FALSE(waits.Look(7, At(TaskState::kRunnable, 5, 3), {200, 10, 1}));  // since when it is not known
  CHECK(waits.Waits(7));
  const auto wait = waits.Look(7, At(TaskState::kRunnable, 5, 3), {900, 30, 6});
  REQUIRE(wait);
  CHECK(wait->ns() == 700);
  CHECK(wait->cpu == 1);
  CHECK(wait->end.throttled_ns - wait->begin.throttled_ns == 20);
  CHECK(wait->end.machine_stopped_ns - wait->begin.machine_stopped_ns == 5);
  CHECK_FALSE(waits.Look(7, At(TaskState::kRunnable, 5, 4), {1000}));  // it had a turn, too short to count
  CHECK(waits.Look(7, At(TaskState::kRunnable, 5, 4), {1100})->ns() == 100);
  CHECK_FALSE(waits.Look(7, At(TaskState::kRunnable, 6, 4), {1200}));  // it goes on running
  CHECK_FALSE(waits.Look(7, At(TaskState::kBlocked, 6, 4), {1300}));
  CHECK_FALSE(waits.Waits(7));
}

TEST_CASE("one that runs without a pause waits for nothing, nor does one without the kernel's figures") {
  TaskWaits waits;
  for (std::uint64_t i = 1; i < 10; ++i) {
    CHECK_FALSE(waits.Look(1, At(TaskState::kRunnable, i * 100, 1), {i * 100 * kMs}));
    TaskLook unknown = At(TaskState::kRunnable, 0, 0);
    unknown.schedstat = false;
    CHECK_FALSE(waits.Look(2, unknown, {i * 100 * kMs}));
  }
}

TEST_CASE("tasks are told from each other, and one that is gone from the next of its number") {
  TaskWaits waits;
  for (const pid_t tid : {1, 2}) CHECK_FALSE(waits.Look(tid, At(TaskState::kRunnable, 0, 0), {100}));
  waits.Forget(1);
  CHECK_FALSE(waits.Look(1, At(TaskState::kRunnable, 0, 0), {200}));
  CHECK(waits.Look(2, At(TaskState::kRunnable, 0, 0), {200}));
}

TEST_CASE("among many that are runnable, one that does not run is looked at, wherever it stands") {
  constexpr pid_t kTasks = 40;
  constexpr pid_t kStarved = 39;
  constexpr std::size_t kMost = 8;
  TaskWaits waits;
  std::uint64_t now = 0;
  for (pid_t tid = 0; tid < kTasks; ++tid) waits.Look(tid, At(TaskState::kRunnable, 0, 0), {now});
  std::uint64_t told = 0;
  for (int look = 1; look <= 20; ++look) {
    now += 250 * kMs;
    for (const pid_t tid : waits.LongestFirst(kMost)) {
      const auto turns = static_cast<std::uint64_t>(tid == kStarved ? 0 : look);
      if (const auto wait = waits.Look(tid, At(TaskState::kRunnable, 0, turns), {now});
          wait && tid == kStarved)
        told = wait->ns();
    }
  }
  CHECK(told == 20 * 250 * kMs);
  waits.Look(1, At(TaskState::kSleeping, 0, 99), {now});
  waits.Forget(2);
  CHECK(waits.LongestFirst(100).size() == kTasks - 2);
  CHECK(waits.LongestFirst(100).front() == kStarved);
}

TEST_CASE("random lives: no wait is told longer than it was, nor shorter by more than two looks") {
  std::mt19937_64 random(20261130);
  constexpr std::uint64_t kEvery = 250 * kMs;
  for (int life = 0; life < 2000; ++life) {
    TaskWaits waits;
    std::uint64_t now = 0, next_look = random() % kEvery, cpu = 0, count = 0, told = 0, truth = 0;
    for (int stretch = 0; stretch < 12; ++stretch) {
      const std::uint64_t length = 1 + random() % (4 * kEvery);
      const int what = static_cast<int>(random() % 3);  // waits, runs, sleeps
      if (what == 0) truth = std::max(truth, length);
      if (what == 1) ++count;
      const std::uint64_t begin = now, cpu_begin = cpu;
      for (; next_look < begin + length; next_look += kEvery) {
        cpu = cpu_begin + (what == 1 ? next_look - begin : 0);
        TaskLook look = At(what == 2 ? TaskState::kSleeping : TaskState::kRunnable, 0, count);
        look.cpu_ns = cpu;
        if (const auto wait = waits.Look(1, look, {next_look})) told = std::max(told, wait->ns());
      }
      now = begin + length;
      cpu = cpu_begin + (what == 1 ? length : 0);
      if (what == 0) ++count, ++cpu, ++now;  // what ends a wait is a turn
    }
    CAPTURE(life, truth, told);
    CHECK(told <= truth);
    CHECK(told + 2 * kEvery >= truth);
  }
}

}  // namespace
}  // namespace ktstr::guest
