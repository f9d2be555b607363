#include "interpreter/scenario/defaults/standstill.h"

#include <fmt/format.h>

#include <algorithm>

namespace ktstr {
namespace {

constexpr std::uint64_t kNsPerMs = 1'000'000;

/// A stretch of guest time.
struct Window {
  std::uint64_t begin_ns = 0;
  std::uint64_t end_ns = 0;

  [[nodiscard]] std::uint64_t Overlap(const PhaseSlice& slice) const {
    const std::uint64_t begin = std::max(begin_ns, slice.begin_ns);
    const std::uint64_t end = std::min(end_ns, slice.begin_ns + slice.wall_ns);
    return end > begin ? end - begin : 0;
  }
};

Window WindowOf(const WorkerReport& report, const Standstill& still) {
  const std::uint64_t end = report.created_ns + still.end_ms * kNsPerMs;
  const std::uint64_t ns = still.ms * kNsPerMs;
  return {end > ns ? end - ns : 0, end};
}

/// What the slices that the gap touches say of it.
void Learn(const WorkerReport& report, Standstill& still) {
  const Window window = WindowOf(report, still);
  std::uint64_t throttled = 0, stopped = 0, waiting = 0, on_cpu = 0, most = 0;
  for (const PhaseSlice& slice : report.phase_slices) {
    const std::uint64_t overlap = window.Overlap(slice);
    if (overlap == 0) continue;
    throttled += std::min(overlap, slice.throttled_ns);
    stopped += std::min(overlap, slice.machine_stopped_ns);
    waiting += std::min(overlap, slice.run_delay_ns);
    on_cpu += slice.cpu_time_ns;
    still.state = slice.state;
    if (overlap >= most) {
      most = overlap;
      still.phase = slice.phase;
    }
  }
  still.throttled_ms = throttled / kNsPerMs;
  still.stopped_ms = stopped / kNsPerMs;
  still.waiting_ms = waiting / kNsPerMs;
  still.cpu_ms = on_cpu / kNsPerMs;
}

Standstill StandstillOf(const WorkerReport& report, const Measures& measures) {
  Standstill still;
  still.ms = measures.max_gap_ms;
  still.end_ms = measures.max_gap_at_ms;
  still.cpu = measures.max_gap_cpu;
  Learn(report, still);
  return still;
}

/// Whether all that a worker did in a slice it did on that CPU.
bool OnlyOn(const PhaseSlice& slice, std::uint32_t cpu) {
  const auto other = [cpu](std::uint32_t used) { return used != cpu; };
  return slice.cpu == cpu && std::none_of(slice.cpus_used.begin(), slice.cpus_used.end(), other);
}

}  // namespace

Standstill WorstStandstill(const WorkerReport& report) {
  Standstill worst = StandstillOf(report, report);
  for (const PhaseSlice& slice : report.phase_slices)
    if (const Standstill still = StandstillOf(report, slice); still.BlamedMs() > worst.BlamedMs())
      worst = still;
  return worst;
}

Standstill WorthTelling(const WorkerReport& report, const Standstill& worst, double limit_ms) {
  for (const PhaseSlice& slice : report.phase_slices) {
    if (slice.phase == kBetweenPhases) continue;
    const Standstill still = StandstillOf(report, slice);
    if (static_cast<double>(still.BlamedMs()) > limit_ms && still.BlamedMs() * 2 > worst.BlamedMs())
      return still;
  }
  return worst;
}

std::string WhatItDid(const Standstill& still) {
  constexpr std::uint64_t kMostly = 90;  // percent
  if (still.ms > 0 && still.waiting_ms * 100 >= still.ms * kMostly)
    return fmt::format("was runnable for {} ms on CPU {} and {}", still.ms, still.cpu,
                       still.cpu_ms * 100 <= still.ms ? "never ran" : "did not run");
  if (still.state == TaskState::kStopped) return fmt::format("was stopped by a signal for {} ms", still.ms);
  return {};
}

std::string WhoHadTheCpu(const RunFacts& run, const WorkerReport& report, const Standstill& still) {
  const Window window = WindowOf(report, still);
  std::string who;
  double most = 0;
  for (const CollectedReport& collected : run.record.reports) {
    if (&collected.report == &report) continue;
    double ran_ns = 0;
    for (const PhaseSlice& slice : collected.report.phase_slices)
      if (slice.wall_ns > 0 && OnlyOn(slice, still.cpu))
        ran_ns += static_cast<double>(window.Overlap(slice)) * static_cast<double>(slice.cpu_time_ns) /
                  static_cast<double>(slice.wall_ns);
    if (ran_ns <= most) continue;
    for (const WorkerGroup& group : run.record.groups)
      if (group.id == collected.group)
        who = fmt::format("{} ({})", WorkerName(run.record, group, collected.report.index), group.policy);
    most = ran_ns;
  }
  const double share = window.end_ns == window.begin_ns
                           ? 0
                           : 100 * most / static_cast<double>(window.end_ns - window.begin_ns);
  if (share < 1) return {};
  return fmt::format("CPU {} ran {} for {:.1f} % of it", still.cpu, who, std::min(share, 100.0));
}

}  // namespace ktstr
