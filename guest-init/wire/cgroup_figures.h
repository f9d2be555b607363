// What the kernel counted of one cgroup: numbers that no worker can measure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "guest-init/base/decl.h"

namespace ktstr {

/// Of all tasks in a cgroup and in those below it, also of payloads and of whatever they started, over a span
/// of guest time within one phase. What the kernel does not count is absent; times are in microseconds, as
/// its files have them.
struct CgroupFigures {
  std::string cgroup;
  std::uint32_t phase = 0;  // or kBetweenPhases
  std::uint64_t span_ns = 0;
  std::optional<std::uint64_t> cpu_time_us;        // cpu.stat usage_usec
  std::optional<std::uint64_t> periods;            // cpu.stat nr_periods: of cpu.max, in which it had work
  std::optional<std::uint64_t> throttled_periods;  // cpu.stat nr_throttled
  std::optional<std::uint64_t> throttled_us;       // cpu.stat throttled_usec, over all CPUs
  std::optional<std::uint64_t> cpu_pressure_us;    // the total of `some` in cpu.pressure
  std::optional<std::uint64_t> memory_pressure_us;
  std::optional<std::uint64_t> io_pressure_us;
  std::optional<std::uint64_t> oom_kills;      // memory.events oom_kill
  std::optional<std::uint64_t> refused_forks;  // pids.events max
  static const StructDecl& Decl();

  /// What was counted since `before`, an earlier reading of the same cgroup; the kernel's counters only grow.
  /// What this one lacks is absent. Cgroup, phase and span are left as they are.
  [[nodiscard]] CgroupFigures Since(const CgroupFigures& before) const;
  /// Adds what a later span counted; what only one of them has is taken.
  void Append(const CgroupFigures& later);
};

}  // namespace ktstr
