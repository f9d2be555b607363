// Metrics of what the kernel counted of a cgroup. Internal to metrics.cpp.
#pragma once

#include <cstdint>
#include <optional>

#include "interpreter/fold/cgroup_totals.h"

namespace ktstr {

/// One counter, divided; nothing when the kernel did not count it.
template <std::optional<std::uint64_t> CgroupFigures::*Of, std::uint32_t kDivisor = 1>
std::optional<double> Figure(const CgroupTotals& totals) {
  if (!totals.figures || !((*totals.figures).*Of)) return std::nullopt;
  return static_cast<double>(*((*totals.figures).*Of)) / kDivisor;
}

/// Of the periods of cpu.max with work, those in which the cgroup was held back, in %. Nothing without such a
/// period.
inline std::optional<double> ThrottledPct(const CgroupTotals& totals) {
  const auto periods = Figure<&CgroupFigures::periods>(totals);
  const auto throttled = Figure<&CgroupFigures::throttled_periods>(totals);
  if (!throttled || periods.value_or(0) == 0) return std::nullopt;
  return 100 * *throttled / *periods;
}

/// Of the time, that in which some task waited for a CPU, in %. The kernel cuts its time at other moments
/// than the marks of phases: at most 100.
inline std::optional<double> CpuPressurePct(const CgroupTotals& totals) {
  const auto pressure_ms = Figure<&CgroupFigures::cpu_pressure_us, 1000>(totals);
  if (!pressure_ms || totals.figures->span_ns == 0) return std::nullopt;
  return std::min(100.0, 100 * *pressure_ms * 1e6 / static_cast<double>(totals.figures->span_ns));
}

}  // namespace ktstr
