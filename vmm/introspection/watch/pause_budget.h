// How much of the time a guest may be paused for watchpoints, so that a place that is written to all the time
// slows the guest down and does not stop it.
#pragma once

#include <algorithm>
#include <chrono>

#include "vmm/host/deadline.h"

namespace ktstr::vmm {

/// The account of successive windows of host time. A window begins with the first pause after the end of the
/// last window and lasts at least `window`, and longer when a single pause takes more than its share of that.
/// Pure.
class PauseBudget {
 public:
  static constexpr std::chrono::milliseconds kWindow{100};
  static constexpr std::int64_t kPercent = 20;  // of a window of host time

  explicit PauseBudget(std::chrono::nanoseconds window = kWindow, std::int64_t percent = kPercent)
      : window_(window), percent_(percent) {}

  /// The guest was paused for `paused`, until `now`.
  void Charge(Deadline now, std::chrono::nanoseconds paused) {
    if (now >= end_) {
      begin_ = now - paused;
      used_ = std::chrono::nanoseconds{0};
    }
    used_ += paused;
    end_ = begin_ + std::max(window_, used_ * 100 / percent_);
  }
  /// Nothing may pause the guest again before end().
  [[nodiscard]] bool Spent(Deadline now) const { return now < end_ && used_ * 100 >= window_ * percent_; }
  /// The end of the window; long ago when there is none.
  [[nodiscard]] Deadline end() const { return end_; }

 private:
  std::chrono::nanoseconds window_;
  std::int64_t percent_;
  Deadline begin_{};
  Deadline end_{};
  std::chrono::nanoseconds used_{0};
};

}  // namespace ktstr::vmm
