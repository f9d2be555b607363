// Pausing the guest, and the log of its pauses.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/machine/machine.h"

namespace ktstr::vmm {

/// Every pause of a guest by us. The guest's own clock does not show pauses; its neighbours on the host do.
/// One thread.
class PauseLog {
 public:
  struct Entry {
    std::string reason;          // "capture 'x'", "cold read 'y'", "watch 'z'"
    std::uint32_t phase = 0;     // 0 baseline, k step k
    std::uint64_t start_ns = 0;  // host time since the run began
    std::uint64_t duration_ns = 0;

    friend bool operator==(const Entry&, const Entry&) = default;
  };
  struct Total {
    std::uint64_t count = 0;
    std::uint64_t duration_ns = 0;

    friend bool operator==(const Total&, const Total&) = default;
  };

  explicit PauseLog(std::chrono::steady_clock::time_point run_start) : run_start_(run_start) {}

  /// `end` < `start` counts as no time.
  void Add(std::string reason, std::uint32_t phase, std::chrono::steady_clock::time_point start,
           std::chrono::steady_clock::time_point end);

  /// In the order in which they were added.
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] Total All() const;
  [[nodiscard]] std::map<std::uint32_t, Total> ByPhase() const;
  [[nodiscard]] std::map<std::string, Total> ByReason() const;

 private:
  std::chrono::steady_clock::time_point run_start_;
  std::vector<Entry> entries_;
};

/// Keeps a machine paused while it lives. One within another, or of a machine that does not run anyway
/// (before its first Resume(), at a watchpoint), does nothing: whoever stopped the machine lets it go on.
class MachinePause {
 public:
  /// Stops the machine; began() says whether that worked. `log` (may be null) and `machine` outlive this.
  MachinePause(Machine& machine, PauseLog* log, std::string reason, std::uint32_t phase);
  /// End(), whose error is lost.
  ~MachinePause();
  MachinePause(const MachinePause&) = delete;
  MachinePause& operator=(const MachinePause&) = delete;

  /// Errors: those of Machine::Pause(). The machine may be running then.
  [[nodiscard]] const Result<>& began() const { return began_; }
  /// Lets the machine go on, also when Stop() failed, and enters it into the log; a second call does
  /// nothing. Errors: those of Machine::Resume().
  Result<> End();
  /// From just before the machine was told to stop until it went on, or until now. 0 for one that does
  /// nothing.
  [[nodiscard]] std::chrono::nanoseconds duration() const;

 private:
  using Clock = std::chrono::steady_clock;

  Machine& machine_;
  PauseLog* log_;
  std::string reason_;
  std::uint32_t phase_;
  Clock::time_point start_;
  Clock::time_point end_;
  bool holds_;  // this one has stopped the machine
  bool ended_ = false;
  Result<> began_;
};

}  // namespace ktstr::vmm
