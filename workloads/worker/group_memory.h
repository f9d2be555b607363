// The pages that PID 1 and the workers of one group share: start and stop, the marks that cut their lives
// into slices, progress.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "guest-init/base/result.h"
#include "workloads/worker/allowed_cpus.h"

namespace ktstr {

/// Where a slice of the workers' lives begins. In one word, so that both numbers are of the same slice.
struct SliceMark {
  std::uint16_t ordinal = 0;   // counts the marks; it may wrap around
  std::uint64_t begin_ns = 0;  // CLOCK_MONOTONIC, below 2^48 (3 days)

  [[nodiscard]] std::uint64_t Pack() const { return (std::uint64_t{ordinal} << 48) | begin_ns; }
  static SliceMark Unpack(std::uint64_t word) {
    return {static_cast<std::uint16_t>(word >> 48), word & ((std::uint64_t{1} << 48) - 1)};
  }
  bool operator==(const SliceMark&) const = default;
};

/// The longest time without progress in one slice, in one word. Microseconds saturate after an hour.
struct SliceGap {
  std::uint16_t ordinal = 0;  // of the slice
  std::uint16_t cpu = 0;
  std::uint32_t us = 0;

  [[nodiscard]] std::uint64_t Pack() const {
    return (std::uint64_t{ordinal} << 48) | (std::uint64_t{cpu} << 32) | us;
  }
  static SliceGap Unpack(std::uint64_t word) {
    return {static_cast<std::uint16_t>(word >> 48), static_cast<std::uint16_t>(word >> 32),
            static_cast<std::uint32_t>(word)};
  }
};

/// What the group's owner says to all its workers. Each word is written by the owner only.
struct alignas(64) GroupControl {
  std::atomic<std::uint32_t> go{0};           // futex: 1 once the workers may run
  std::atomic<std::uint32_t> stop{0};         // futex: 1 once they shall end
  std::atomic<std::uint64_t> released_ns{0};  // when they were let go
  std::atomic<std::uint64_t> slice{0};        // SliceMark: the one that goes on
  std::atomic<std::uint32_t> set_up{0};       // counted by the workers themselves
  /// How long their cgroup has been frozen, all in all; it grows just before a thaw.
  std::atomic<std::uint64_t> frozen_ns{0};
  AllowedCpus allowed;
};

/// kRunning once it has its name, CPUs and policy, kReporting once it has left its loop.
enum class WorkerState : std::uint32_t { kStarting, kRunning, kReporting };

inline constexpr std::uint64_t kNotBlocked = 0;
inline constexpr std::uint64_t kUntilWoken = UINT64_MAX;

/// One worker's own lines. The counters are relaxed: a reader wants a recent value, not an ordering.
struct WorkerSlot {
  alignas(64) std::atomic<std::uint64_t> iterations{0};
  std::atomic<std::uint64_t> work_units{0};
  /// The last reading of its gap clock: it is known to have run then; 0 before the first.
  std::atomic<std::uint64_t> progress_ns{0};
  /// Until when it sleeps by its own wish: kNotBlocked, a moment of CLOCK_MONOTONIC, or kUntilWoken.
  std::atomic<std::uint64_t> blocked_until_ns{kNotBlocked};
  std::atomic<std::uint64_t> gap{0};  // SliceGap of the slice it last noticed
  std::atomic<std::uint64_t> gap_end_ns{0};
  std::atomic<std::uint64_t> longest{0};  // SliceGap of its whole life, not cut at marks
  std::atomic<std::uint64_t> longest_end_ns{0};
  std::atomic<WorkerState> state{WorkerState::kStarting};
  // For work types whose members work hand in hand; on a line of its own.
  alignas(64) std::atomic<std::uint32_t> word{0};  // a futex
  std::atomic<std::uint32_t> second{0};            // another
  std::atomic<std::uint64_t> woken_ns{0};          // since when somebody wakes it; 0: nobody does
  std::atomic<std::int32_t> tid{0};                // 0 until it is about to begin its loop
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
  /// Begins a slice of the workers' lives.
  void Publish(SliceMark mark) const { control_->slice.store(mark.Pack(), std::memory_order_release); }
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

/// Who waits on a futex says by bits whom a wake-up must name to reach it.
inline constexpr std::uint32_t kAnyWaiter = 0xffffffff;
/// Waits while `word` holds `value`, at most until `deadline_ns` (CLOCK_MONOTONIC). May return early. Works
/// between processes.
void FutexWaitUntil(const std::atomic<std::uint32_t>& word, std::uint32_t value, std::uint64_t deadline_ns,
                    std::uint32_t bits = kAnyWaiter);
void FutexWait(const std::atomic<std::uint32_t>& word, std::uint32_t value);
void FutexWake(const std::atomic<std::uint32_t>& word, int waiters, std::uint32_t bits = kAnyWaiter);

}  // namespace ktstr
