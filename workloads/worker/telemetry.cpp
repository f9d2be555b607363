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

Telemetry::Telemetry(WorkerProbe& probe, std::int32_t tid, bool phase_slices, std::uint32_t phase)
    : probe_(probe),
      phase_slices_(phase_slices),
      tid_(tid),
      rng_(static_cast<std::uint64_t>(tid) * 0x9E3779B97F4A7C15),
      phase_(phase) {
  run_start_ = phase_start_ = ReadCounters();
  // Reading the counters takes the kernel's time, and the worker may be frozen meanwhile.
  last_progress_ns_ = probe_.NowNs();
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

void Telemetry::EndIteration(std::uint64_t units, std::uint32_t phase) {
  work_units_ += units;
  ++iterations_;
  if (phase != phase_ && phase_slices_) {
    // The iteration is the old phase's. Where the worker finds itself now is the new one's doing: what a step
    // does first (a changed cpuset) often takes effect before the worker runs again and sees the new phase.
    MeasureGap();
    EndPhase();
    BeginPhase(phase);
    Checkpoint();
  } else if (work_units_ % kCheckpointUnits == 0 || phase != phase_) {
    Checkpoint();
  } else {
    MeasureGap();
  }
  phase_ = phase;
}

std::uint64_t Telemetry::BeginBlock() { return MeasureGap(); }

void Telemetry::RecordWake(std::uint64_t ns) {
  samples_.wakes.Add(ns, rng_);
  if (phase_slices_) phase_samples_.wakes.Add(ns, rng_);
}
void Telemetry::RecordTimer(std::uint64_t ns) {
  samples_.timers.Add(ns, rng_);
  if (phase_slices_) phase_samples_.timers.Add(ns, rng_);
}
void Telemetry::RecordIterationCost(std::uint64_t ns) {
  samples_.costs.Add(ns, rng_);
  if (phase_slices_) phase_samples_.costs.Add(ns, rng_);
}

void Telemetry::BeginPhase(std::uint32_t phase) {
  const bool after_gap = phase_ == kBetweenPhases;
  const std::uint64_t migrations_before_gap = phase_start_.migrations;
  phase_ = phase;
  phase_start_ = ReadCounters();
  // A worker notices a new phase when it next gets to run, so a move that the new step causes may still find
  // it in the gap. The slice of a gap is thrown away; its migrations are not.
  if (after_gap) phase_start_.migrations = migrations_before_gap;
  phase_gap_ = {};
  phase_cpus_used_.clear();
  // What it cost to write the last slice and to read the counters is not a gap of the workload.
  last_progress_ns_ = probe_.NowNs();
}

void Telemetry::EndPhase() {
  PhaseSlice slice;
  const Counters end = ReadCounters();
  Measure(phase_start_, end, phase_gap_, phase_cpus_used_, phase_samples_, slice);
  slice.phase = phase_;
  slices_.push_back(std::move(slice));
}

void Telemetry::Measure(const Counters& start, const Counters& end, const Gap& gap,
                        const std::vector<bool>& cpus, Samples& samples, Measures& out) {
  out.wall_ns = Since(end.now_ns, start.now_ns);
  out.cpu_time_ns = Since(end.cpu_ns, start.cpu_ns);
  out.off_cpu_ns = Since(out.wall_ns, out.cpu_time_ns);
  out.work_units = Since(end.work_units, start.work_units);
  out.iterations = Since(end.iterations, start.iterations);
  out.migration_count = Since(end.migrations, start.migrations);
  out.cpus_used = ToList(cpus);
  out.max_gap_ms = gap.ns / kNsPerMs;
  out.max_gap_cpu = gap.cpu;
  out.max_gap_at_ms = gap.at_ns / kNsPerMs;
  out.wake_sample_total = samples.wakes.total();
  out.wake_latencies_ns = samples.wakes.Take();
  out.timer_sample_total = samples.timers.total();
  out.timer_latencies_ns = samples.timers.Take();
  out.iteration_cost_sample_total = samples.costs.total();
  out.iteration_costs_ns = samples.costs.Take();
  if (end.schedstat && start.schedstat) {
    out.schedstat_cpu_time_ns = Since(end.schedstat->cpu_time_ns, start.schedstat->cpu_time_ns);
    out.run_delay_ns = Since(end.schedstat->run_delay_ns, start.schedstat->run_delay_ns);
    out.run_count = Since(end.schedstat->run_count, start.schedstat->run_count);
  }
  out.numa_pages = probe_.ReadNumaPages();
  out.vmstat_numa_pages_migrated = Since(end.numa_pages_migrated, start.numa_pages_migrated);
}

WorkerReport Telemetry::Finish() {
  Checkpoint();
  // A worker that saw one phase only has nothing to add to its whole-run figures.
  if (!slices_.empty()) EndPhase();
  const Counters end = ReadCounters();
  WorkerReport report;
  Measure(run_start_, end, gap_, cpus_used_, samples_, report);
  report.tid = tid_;
  report.completed = true;
  report.created_ns = run_start_.now_ns;
  report.migrations = std::move(migrations_);
  report.schedstat_available = end.schedstat && run_start_.schedstat;
  report.phase_slices = std::move(slices_);
  return report;
}

}  // namespace ktstr
