#include "interpreter/scenario/defaults/stall.h"

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

Window WindowOf(const WorkerReport& report, const Stall& stall) {
  const std::uint64_t end = report.created_ns + stall.end_ms * kNsPerMs;
  const std::uint64_t ns = stall.ms * kNsPerMs;
  return {end > ns ? end - ns : 0, end};
}

/// What the slices that the gap touches say of it.
void Learn(const WorkerReport& report, Stall& stall) {
  const Window window = WindowOf(report, stall);
  std::uint64_t throttled = 0, stopped = 0, waiting = 0, on_cpu = 0, ran = 0, most = 0;
  for (const PhaseSlice& slice : report.phase_slices) {
    const std::uint64_t overlap = window.Overlap(slice);
    if (overlap == 0) continue;
    throttled += std::min(overlap, slice.throttled_ns);
    stopped += std::min(overlap, slice.machine_stopped_ns);
    waiting += std::min(overlap, slice.run_delay_ns);
    on_cpu += slice.cpu_time_ns;
    const std::uint64_t outside = slice.wall_ns - std::min(overlap, slice.wall_ns);
    ran += slice.cpu_time_ns - std::min(outside, slice.cpu_time_ns);
    stall.state = slice.state;
    if (overlap >= most) {
      most = overlap;
      stall.phase = slice.phase;
    }
  }
  stall.throttled_ms = throttled / kNsPerMs;
  stall.stopped_ms = stopped / kNsPerMs;
  stall.waiting_ms = waiting / kNsPerMs;
  stall.cpu_ms = on_cpu / kNsPerMs;
  stall.ran_ms = ran / kNsPerMs;
}

Stall StallOf(const WorkerReport& report, const Measures& measures) {
  Stall stall;
  stall.ms = measures.max_gap_ms;
  stall.end_ms = measures.max_gap_at_ms;
  stall.cpu = measures.max_gap_cpu;
  Learn(report, stall);
  return stall;
}

/// Whether all that a worker did in a slice it did on that CPU.
bool OnlyOn(const PhaseSlice& slice, std::uint32_t cpu) {
  const auto other = [cpu](std::uint32_t used) { return used != cpu; };
  return slice.cpu == cpu && std::none_of(slice.cpus_used.begin(), slice.cpus_used.end(), other);
}

/// `self` did not have it.
std::string WhoHadTheCpu(const RunFacts& run, const WorkerReport* self, const Window& window,
                         std::uint32_t cpu) {
  std::string who;
  double most = 0;
  for (const CollectedReport& collected : run.record.reports) {
    if (&collected.report == self) continue;
    double ran_ns = 0;
    for (const PhaseSlice& slice : collected.report.phase_slices)
      if (slice.wall_ns > 0 && OnlyOn(slice, cpu))
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
  return fmt::format("CPU {} ran {} for {:.1f} % of it", cpu, who, std::min(share, 100.0));
}

std::string WhatHeldIt(const RunFacts& run, std::int32_t tid, std::uint32_t phase) {
  const auto& tasks = run.record.queued_tasks;
  const auto task = std::find_if(tasks.rbegin(), tasks.rend(), [&](const QueuedTask& queued) {
    return queued.pid == tid && queued.phase == phase;
  });
  if (task == tasks.rend()) return {};
  const auto& schedulers = run.record.schedulers;
  const auto scheduler = std::find_if(schedulers.rbegin(), schedulers.rend(),
                                      [&](const auto& record) { return record.phase <= task->phase; });
  const std::string name = scheduler == schedulers.rend() ? "" : "scheduler " + scheduler->name + ": ";
  return name + WhereItWaited(*task);
}

std::string Joined(const std::string& who, const std::string& what) {
  return (who.empty() ? "" : "; " + who) + (what.empty() ? "" : "; " + what);
}

}  // namespace

Stall WorstStall(const WorkerReport& report) {
  Stall worst = StallOf(report, report);
  for (const PhaseSlice& slice : report.phase_slices)
    if (const Stall stall = StallOf(report, slice); stall.BlamedMs() > worst.BlamedMs()) worst = stall;
  return worst;
}

Stall WorthTelling(const WorkerReport& report, const Stall& worst, double limit_ms) {
  for (const PhaseSlice& slice : report.phase_slices) {
    if (slice.phase == kBetweenPhases) continue;
    const Stall stall = StallOf(report, slice);
    if (static_cast<double>(stall.BlamedMs()) > limit_ms && stall.BlamedMs() * 2 > worst.BlamedMs())
      return stall;
  }
  return worst;
}

std::string WhatItDid(const Stall& stall) {
  constexpr std::uint64_t kMostly = 90;  // percent
  if (stall.HadTurns())
    return fmt::format("ran for {} ms of {} ms on CPU {}, too little to finish a piece of its work",
                       stall.ran_ms, stall.ms, stall.cpu);
  if (stall.ran_ms > 0 && stall.ran_ms * 2 >= stall.ms)
    return fmt::format("ran for {} ms of {} ms on CPU {} and finished no piece of its work", stall.ran_ms,
                       stall.ms, stall.cpu);
  if (stall.ms > 0 && stall.waiting_ms * 100 >= stall.ms * kMostly)
    return fmt::format("was runnable for {} ms on CPU {} and {}", stall.ms, stall.cpu,
                       stall.cpu_ms * 100 <= stall.ms ? "never ran" : "did not run");
  if (stall.state == TaskState::kStopped) return fmt::format("was stopped by a signal for {} ms", stall.ms);
  return {};
}

std::string WhyItDidNotRun(const RunFacts& run, const WorkerReport& report, const Stall& stall) {
  return Joined(WhoHadTheCpu(run, &report, WindowOf(report, stall), stall.cpu),
                WhatHeldIt(run, report.tid, stall.phase));
}

std::string WhyItDidNotRun(const RunFacts& run, const TaskWait& wait) {
  return Joined(WhoHadTheCpu(run, nullptr, {wait.begin_ns, wait.end_ns}, wait.cpu),
                WhatHeldIt(run, wait.tid, wait.phase));
}

}  // namespace ktstr
