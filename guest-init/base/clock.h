// The clock that everything inside a scenario is measured on.
#pragma once

#include <cstdint>
#include <ctime>

namespace ktstr {

/// A clock of the kernel, in nanoseconds.
inline std::uint64_t ReadClockNs(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

/// CLOCK_MONOTONIC: holds, deadlines and telemetry in the guest are differences of it.
inline std::uint64_t MonotonicNs() { return ReadClockNs(CLOCK_MONOTONIC); }

}  // namespace ktstr
