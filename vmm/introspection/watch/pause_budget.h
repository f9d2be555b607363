// How long a watch may keep the guest paused: a burst of writes is seen whole, and a place that is written to
// all the time slows the guest down without stopping it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "vmm/host/deadline.h"

namespace ktstr::vmm {

/// The watches of one machine share `percent` % of the host's time, in equal parts. Each of them may exceed
/// its part by `burst`, once that has been saved up.
struct PauseLimits {
  std::chrono::nanoseconds burst{std::chrono::seconds(1)};
  std::int64_t percent = 20;
};

/// The account of one watch, a token bucket of paused time. It begins full with `burst`, host time fills it
/// up to that again, and each pause is taken out of it. A pause longer than what is left makes a debt. Pure.
class PauseBudget {
 public:
  /// A watch that has used up its budget comes back once this much is saved. It would otherwise come back for
  /// every single write, each time at the cost of another pause.
  static constexpr std::chrono::milliseconds kReserve{20};

  /// REQUIRES: positive limits.
  explicit PauseBudget(PauseLimits limits = {}) : limits_(limits), left_(limits.burst) {}

  /// The guest was paused for the watch, `paused` long, until `now`. `sharers`: how many watches share the
  /// machine's part from now on, at least 1. `now` never goes back.
  void Charge(Deadline now, std::chrono::nanoseconds paused, std::int64_t sharers) {
    left_ = Left(now) - paused;
    at_ = now;
    sharers_ = sharers;
  }
  /// The watch must not pause the guest again before Back().
  [[nodiscard]] bool Spent(Deadline now) const { return Left(now) <= std::chrono::nanoseconds{0}; }
  /// When the reserve is saved. Of a budget that is spent.
  [[nodiscard]] Deadline Back() const {
    const std::chrono::nanoseconds missing =
        std::min<std::chrono::nanoseconds>(kReserve, limits_.burst) - left_;
    return at_ + missing * (100 * sharers_) / limits_.percent;
  }

 private:
  [[nodiscard]] std::chrono::nanoseconds Left(Deadline now) const {
    const std::chrono::nanoseconds full = limits_.burst;
    const std::chrono::nanoseconds to_full = (full - left_) * (100 * sharers_) / limits_.percent;
    const std::chrono::nanoseconds passed = now - at_;
    return passed >= to_full ? full : left_ + passed * limits_.percent / (100 * sharers_);
  }

  PauseLimits limits_;
  std::chrono::nanoseconds left_;
  Deadline at_{};
  std::int64_t sharers_ = 1;
};

}  // namespace ktstr::vmm
