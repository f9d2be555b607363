// The pages that PID 1 and the workers of one group share: start and stop, the phase, progress.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "guest-init/base/result.h"

namespace ktstr {

/// What the group's owner says to all its workers. Each word is written by the owner only.
struct alignas(64) GroupControl {
  std::atomic<std::uint32_t> go{0};    // futex: 1 once the workers may run
  std::atomic<std::uint32_t> stop{0};  // futex: 1 once they shall end
  std::atomic<std::uint32_t> phase{0};
  std::atomic<std::uint32_t> set_up{0};  // counted by the workers themselves
  /// How long their cgroup has been frozen, all in all; it grows just before a thaw.
  std::atomic<std::uint64_t> frozen_ns{0};
};

/// kRunning once it has its name, CPUs and policy, kReporting once it has left its loop.
enum class WorkerState : std::uint32_t { kStarting, kRunning, kReporting };

/// One worker's own lines. The counters are relaxed: a reader wants a recent value, not an ordering.
struct WorkerSlot {
  alignas(64) std::atomic<std::uint64_t> iterations{0};
  std::atomic<WorkerState> state{WorkerState::kStarting};
  /// For the work types that hand a token to each other; on a line of its own.
  alignas(64) std::atomic<std::uint32_t> word{0};
};

/// An anonymous shared mapping, made before the fork; inherited by the workers.
class GroupMemory {
 public:
  static Result<GroupMemory> Map(std::uint32_t workers);
  GroupMemory(GroupMemory&& other) noexcept;
  GroupMemory& operator=(GroupMemory&& other) noexcept;
  GroupMemory(const GroupMemory&) = delete;
  ~GroupMemory();

  [[nodiscard]] GroupControl& control() const { return *control_; }
  [[nodiscard]] std::span<WorkerSlot> slots() const { return slots_; }

  /// Lets all workers of the group run.
  void Release() const;
  /// Asks all workers to end, waking those that sleep in SleepUntil.
  void RequestStop() const;
  void PublishPhase(std::uint32_t phase) const;
  /// Blocks until Release. For workers.
  void AwaitRelease() const;
  [[nodiscard]] bool StopRequested() const { return control_->stop.load(std::memory_order_relaxed) != 0; }
  /// Sleeps until `deadline_ns` (CLOCK_MONOTONIC) or until the group is asked to stop.
  void SleepUntil(std::uint64_t deadline_ns) const;

 private:
  GroupMemory() = default;

  GroupControl* control_ = nullptr;
  std::span<WorkerSlot> slots_;
  std::size_t bytes_ = 0;
};

/// Waits while `word` holds `value`, at most until `deadline_ns` (CLOCK_MONOTONIC). May return early. Works
/// between processes.
void FutexWaitUntil(const std::atomic<std::uint32_t>& word, std::uint32_t value, std::uint64_t deadline_ns);
void FutexWait(const std::atomic<std::uint32_t>& word, std::uint32_t value);
void FutexWake(const std::atomic<std::uint32_t>& word, int waiters);

}  // namespace ktstr
