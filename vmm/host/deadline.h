// Points in host time by which something must have happened. Guest time is never measured with these.
#pragma once

#include <algorithm>
#include <chrono>

namespace ktstr::vmm {

/// On the host's monotonic clock.
using Deadline = std::chrono::steady_clock::time_point;

inline Deadline After(std::chrono::nanoseconds span) { return std::chrono::steady_clock::now() + span; }
inline bool Passed(Deadline deadline) { return std::chrono::steady_clock::now() >= deadline; }

/// What poll(2) wants: milliseconds from now, rounded up so that a wait never ends early; 0 once passed, at
/// most one hour.
inline int PollTimeout(Deadline deadline) {
  const auto left = deadline - std::chrono::steady_clock::now();
  if (left <= std::chrono::nanoseconds::zero()) return 0;
  const auto whole = std::chrono::ceil<std::chrono::milliseconds>(left);
  return static_cast<int>(std::min<std::chrono::milliseconds>(whole, std::chrono::hours(1)).count());
}

}  // namespace ktstr::vmm
