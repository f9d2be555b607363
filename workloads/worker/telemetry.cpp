#include "workloads/worker/telemetry.h"

#include <algorithm>
#include <utility>

namespace ktstr {
namespace {

std::uint64_t Since(std::uint64_t end, std::uint64_t start) { return end > start ? end - start : 0; }

void Mark(std::vector<bool>& cpus, std::uint32_t cpu) {
  if (cpu >= cpus.size()) cpus.resize(cpu + 1);
  cpus[cpu] = true;
}

std::vector<std::uint32_t> ToList(const std::vector<bool>& cpus) {
  std::vector<std::uint32_t> list;
  for (std::uint32_t cpu = 0; cpu < cpus.size(); ++cpu)
    if (cpus[cpu]) list.push_back(cpu);
  return list;
}

constexpr std::uint64_t kNsPerMs = 1'000'000;

}  // namespace

Telemetry::Telemetry(WorkerProbe& probe, std::int32_t tid, bool phase_slices, std::uint32_t epoch)
    : probe_(probe),
      phase_slices_(phase_slices),
      tid_(tid),
      rng_(static_cast<std::uint64_t>(tid) * 0x9E3779B97F4A7C15),
      epoch_(epoch) {
  run_start_ = phase_start_ = ReadCounters();
  last_progress_ns_ = run_start_.now_ns;
  Checkpoint();
}

Telemetry::Counters Telemetry::ReadCounters() {
  return {.now_ns = probe_.NowNs(),
          .cpu_ns = probe_.ThreadCpuNs(),
          .migrations = migration_count_,
          .iterations = iterations_,
          .work_units = work_units_,
          .numa_pages_migrated = probe_.ReadNumaPagesMigrated(),
          .schedstat = probe_.ReadSchedstat()};
}

std::uint64_t Telemetry::MeasureGap() {
  const std::uint64_t now = probe_.NowNs();
  const std::uint64_t gap = Since(now, last_progress_ns_);
  last_progress_ns_ = now;
  if (gap > phase_gap_.ns || gap > gap_.ns) {
    const Gap found{gap, probe_.CurrentCpu(), Since(now, run_start_.now_ns)};
    if (gap > phase_gap_.ns) phase_gap_ = found;
    if (gap > gap_.ns) gap_ = found;
  }
  return now;
}

void Telemetry::Checkpoint() {
  const std::uint64_t now = MeasureGap();
  const std::uint32_t cpu = probe_.CurrentCpu();
  Mark(cpus_used_, cpu);
  Mark(phase_cpus_used_, cpu);
  if (cpu_ && *cpu_ != cpu) {
    ++migration_count_;
    if (migrations_.size() < kMaxMigrations)
      migrations_.push_back({Since(now, run_start_.now_ns), *cpu_, cpu});
  }
  cpu_ = cpu;
}

void Telemetry::Work(std::uint64_t units) {
  work_units_ += units;
  if (work_units_ % kCheckpointUnits == 0) Checkpoint();
}

void Telemetry::EndIteration(std::uint64_t units, std::uint32_t epoch) {
  work_units_ += units;
  ++iterations_;
  if (epoch != epoch_ && phase_slices_) {
    // The iteration is the old phase's. Where the worker finds itself now is the new one's doing: what a step
    // does first (a changed cpuset) often takes effect before the worker runs again and sees the new epoch.
    MeasureGap();
    EndPhase();
    BeginPhase(epoch);
    Checkpoint();
  } else if (work_units_ % kCheckpointUnits == 0 || epoch != epoch_) {
    Checkpoint();
  } else {
    MeasureGap();
  }
  epoch_ = epoch;
}

std::uint64_t Telemetry::BeginBlock() { return MeasureGap(); }

void Telemetry::RecordWake(std::uint64_t ns) {
  wakes_.Add(ns, rng_);
  if (phase_slices_) phase_wakes_.Add(ns, rng_);
}
void Telemetry::RecordTimer(std::uint64_t ns) {
  timers_.Add(ns, rng_);
  if (phase_slices_) phase_timers_.Add(ns, rng_);
}
void Telemetry::RecordIterationCost(std::uint64_t ns) { costs_.Add(ns, rng_); }

void Telemetry::BeginPhase(std::uint32_t epoch) {
  const bool after_gap = epoch_ == kBetweenPhases;
  const std::uint64_t migrations_before_gap = phase_start_.migrations;
  epoch_ = epoch;
  phase_start_ = ReadCounters();
  // A worker notices a new epoch when it next gets to run, so a move that the new step causes may still find
  // it in the gap. The slice of a gap is thrown away; its migrations are not.
  if (after_gap) phase_start_.migrations = migrations_before_gap;
  phase_gap_ = {};
  phase_cpus_used_.clear();
  // What it cost to write the last slice is not a gap of the workload.
  last_progress_ns_ = phase_start_.now_ns;
}

void Telemetry::EndPhase() {
  const Counters end = ReadCounters();
  PhaseSlice slice;
  slice.phase_epoch = epoch_;
  slice.cpus_used = ToList(phase_cpus_used_);
  slice.wake_sample_total = phase_wakes_.total();
  slice.wake_latencies_ns = phase_wakes_.Take();
  slice.timer_sample_total = phase_timers_.total();
  slice.timer_latencies_ns = phase_timers_.Take();
  slice.wall_ns = Since(end.now_ns, phase_start_.now_ns);
  slice.off_cpu_ns = Since(slice.wall_ns, Since(end.cpu_ns, phase_start_.cpu_ns));
  slice.migration_count = Since(end.migrations, phase_start_.migrations);
  slice.iterations = Since(end.iterations, phase_start_.iterations);
  slice.work_units = Since(end.work_units, phase_start_.work_units);
  if (end.schedstat && phase_start_.schedstat) {
    slice.run_delay_ns = Since(end.schedstat->run_delay_ns, phase_start_.schedstat->run_delay_ns);
    slice.schedstat_cpu_time_ns = Since(end.schedstat->cpu_time_ns, phase_start_.schedstat->cpu_time_ns);
  }
  slice.numa_pages = probe_.ReadNumaPages();
  slice.vmstat_numa_pages_migrated = Since(end.numa_pages_migrated, phase_start_.numa_pages_migrated);
  slice.max_gap_ms = phase_gap_.ns / kNsPerMs;
  slice.max_gap_cpu = phase_gap_.cpu;
  slices_.push_back(std::move(slice));
}

WorkerReport Telemetry::Finish() {
  Checkpoint();
  // A worker that saw one epoch only has nothing to add to its whole-run figures.
  if (!slices_.empty()) EndPhase();
  const Counters end = ReadCounters();
  WorkerReport report;
  report.tid = tid_;
  report.completed = true;
  report.work_units = work_units_;
  report.iterations = iterations_;
  report.wall_time_ns = Since(end.now_ns, run_start_.now_ns);
  report.cpu_time_ns = Since(end.cpu_ns, run_start_.cpu_ns);
  report.off_cpu_ns = Since(report.wall_time_ns, report.cpu_time_ns);
  report.migration_count = migration_count_;
  report.migrations = std::move(migrations_);
  report.cpus_used = ToList(cpus_used_);
  report.max_gap_ms = gap_.ns / kNsPerMs;
  report.max_gap_cpu = gap_.cpu;
  report.max_gap_at_ms = gap_.at_ns / kNsPerMs;
  report.wake_sample_total = wakes_.total();
  report.wake_latencies_ns = wakes_.Take();
  report.timer_sample_total = timers_.total();
  report.timer_latencies_ns = timers_.Take();
  report.iteration_cost_sample_total = costs_.total();
  report.iteration_costs_ns = costs_.Take();
  if (end.schedstat && run_start_.schedstat) {
    report.schedstat_available = true;
    report.schedstat_cpu_time_ns = Since(end.schedstat->cpu_time_ns, run_start_.schedstat->cpu_time_ns);
    report.schedstat_run_delay_ns = Since(end.schedstat->run_delay_ns, run_start_.schedstat->run_delay_ns);
    report.schedstat_run_count = Since(end.schedstat->run_count, run_start_.schedstat->run_count);
  }
  report.numa_pages = probe_.ReadNumaPages();
  report.vmstat_numa_pages_migrated = Since(end.numa_pages_migrated, run_start_.numa_pages_migrated);
  report.phase_slices = std::move(slices_);
  return report;
}

}  // namespace ktstr
