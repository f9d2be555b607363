// Stopping the guest for a look at it, and the account of how long it was kept from running.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/machine/machine.h"

namespace ktstr::vmm {

/// Every time that a guest stood still because of us. The guest's own clock does not show it, its neighbours
/// on the host do. One thread.
class PerturbationLedger {
 public:
  struct Entry {
    std::string reason;          // "capture 'x'", "cold read 'y'", "watch 'z'"
    std::uint32_t epoch = 0;     // of the phase
    std::uint64_t start_ns = 0;  // host time since the run began
    std::uint64_t duration_ns = 0;

    friend bool operator==(const Entry&, const Entry&) = default;
  };
  struct Total {
    std::uint64_t count = 0;
    std::uint64_t duration_ns = 0;

    friend bool operator==(const Total&, const Total&) = default;
  };

  explicit PerturbationLedger(std::chrono::steady_clock::time_point run_start) : run_start_(run_start) {}

  /// `end` < `start` counts as no time.
  void Add(std::string reason, std::uint32_t epoch, std::chrono::steady_clock::time_point start,
           std::chrono::steady_clock::time_point end);

  /// In the order in which they were added.
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] Total All() const;
  [[nodiscard]] std::map<std::uint32_t, Total> ByEpoch() const;
  [[nodiscard]] std::map<std::string, Total> ByReason() const;

 private:
  std::chrono::steady_clock::time_point run_start_;
  std::vector<Entry> entries_;
};

/// Keeps a machine stopped while it lives. One within another, or of a machine that stands still already
/// (before its first Resume(), at a watchpoint), does nothing: whoever stopped it lets it go on.
class Freeze {
 public:
  /// Stops the machine; began() says whether that worked. `ledger` (may be null) and `machine` outlive this.
  Freeze(Machine& machine, PerturbationLedger* ledger, std::string reason, std::uint32_t epoch);
  /// End(), whose error is lost.
  ~Freeze();
  Freeze(const Freeze&) = delete;
  Freeze& operator=(const Freeze&) = delete;

  /// Errors: those of Machine::Stop(). The machine may be running then.
  [[nodiscard]] const Result<>& began() const { return began_; }
  /// Lets the machine go on, also when Stop() failed, and enters it into the ledger; a second call does
  /// nothing. Errors: those of Machine::Resume().
  Result<> End();
  /// From just before the machine was told to stop until it went on, or until now. 0 for one that does
  /// nothing.
  [[nodiscard]] std::chrono::nanoseconds duration() const;

 private:
  using Clock = std::chrono::steady_clock;

  Machine& machine_;
  PerturbationLedger* ledger_;
  std::string reason_;
  std::uint32_t epoch_;
  Clock::time_point start_;
  Clock::time_point end_;
  bool holds_;  // it is this one that has stopped the machine
  bool ended_ = false;
  Result<> began_;
};

}  // namespace ktstr::vmm
