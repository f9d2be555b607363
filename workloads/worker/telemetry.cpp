#include "workloads/worker/telemetry.h"

#include <algorithm>
#include <utility>

namespace ktstr {
namespace {

constexpr std::uint64_t kNsPerUs = 1000;

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

/// Rounded up: a gap is never told shorter than it was.
SliceGap Gap(SliceMark mark, std::uint32_t cpu, std::uint64_t ns) {
  return {mark.ordinal, static_cast<std::uint16_t>(cpu),
          static_cast<std::uint32_t>(std::min<std::uint64_t>((ns + kNsPerUs - 1) / kNsPerUs, UINT32_MAX))};
}

}  // namespace

Telemetry::Telemetry(WorkerProbe& probe, const GroupControl& control, WorkerSlot& slot, std::int32_t tid)
    : probe_(probe),
      control_(control),
      slot_(slot),
      tid_(tid),
      rng_(static_cast<std::uint64_t>(tid) * 0x9E3779B97F4A7C15),
      start_ns_(probe.NowNs()),
      last_progress_ns_(control.released_ns.load(std::memory_order_relaxed)) {
  slot_.tid.store(tid, std::memory_order_release);
  life_.numa_pages_migrated = probe_.ReadNumaPagesMigrated();
  BeginSlice(CurrentMark());
  Checkpoint();
}

std::uint64_t Telemetry::MeasureGap() {
  // A freeze within the gap is no part of it. Both are of one moment: the worker may be frozen between them.
  std::uint64_t frozen_ns = 0;
  std::uint64_t now = 0;
  do {
    frozen_ns = control_.frozen_ns.load(std::memory_order_acquire);
    now = probe_.NowNs();
  } while (frozen_ns != control_.frozen_ns.load(std::memory_order_acquire));
  std::uint64_t bookkeeping_ns = 0;
  if (const SliceMark mark = CurrentMark(); mark != mark_) {
    const std::uint64_t cpu_ns = probe_.ThreadCpuNs();
    EndSlice();
    BeginSlice(mark);
    // What it costs to write a slice is no gap of the workload; being kept from a CPU meanwhile is.
    bookkeeping_ns = Since(probe_.ThreadCpuNs(), cpu_ns);
  }
  last_progress_ns_ += frozen_ns - std::exchange(frozen_ns_, frozen_ns);
  const std::uint64_t in_life = Since(now, last_progress_ns_);
  const std::uint64_t in_slice = Since(now, std::max(last_progress_ns_, mark_.begin_ns));
  if (in_life > longest_gap_ns_) {
    longest_gap_ns_ = in_life;
    slot_.longest_end_ns.store(now, std::memory_order_relaxed);
    slot_.longest.store(Gap(mark_, probe_.CurrentCpu(), in_life).Pack(), std::memory_order_relaxed);
  }
  if (in_slice > slice_gap_ns_) {
    slice_gap_ns_ = in_slice;
    slot_.gap_end_ns.store(now, std::memory_order_relaxed);
    slot_.gap.store(Gap(mark_, probe_.CurrentCpu(), in_slice).Pack(), std::memory_order_relaxed);
  }
  last_progress_ns_ = now + bookkeeping_ns;
  // Behind the gaps: who sees the progress sees what came before it.
  slot_.progress_ns.store(last_progress_ns_, std::memory_order_release);
  return now;
}

void Telemetry::LookAtCpu(std::uint64_t now) {
  const AllowedCpus::Place place = control_.allowed.Look([this] { return probe_.CurrentCpu(); });
  const std::uint32_t cpu = place.cpu;
  for (std::vector<bool>* cpus : {&cpus_used_, &slice_cpus_}) Mark(*cpus, cpu);
  if (place.outside_of) {
    if (slice_outside_.empty()) slice_outside_of_ = AllowedCpus::ToList(*place.outside_of);
    Mark(slice_outside_, cpu);
  }
  if (cpu_ && *cpu_ != cpu) {
    ++migration_count_;
    if (migrations_.size() < kMaxMigrations) migrations_.push_back({Since(now, start_ns_), *cpu_, cpu});
  }
  cpu_ = cpu;
}

void Telemetry::Count(std::uint64_t units) {
  work_units_ += units;
  slot_.work_units.store(work_units_, std::memory_order_relaxed);
}

void Telemetry::Work(std::uint64_t units) {
  Count(units);
  if (work_units_ % kCheckpointUnits == 0 || CurrentMark() != mark_)
    Checkpoint();
  else
    MeasureGap();
}

void Telemetry::EndIteration(std::uint64_t units) {
  ++iterations_;
  slot_.iterations.store(iterations_, std::memory_order_relaxed);
  Work(units);
}

std::uint64_t Telemetry::Block(std::uint64_t ns) {
  const std::uint64_t now = MeasureGap();
  slot_.blocked_until_ns.store(ns == kUntilWoken ? kUntilWoken : now + ns, std::memory_order_release);
  return now;
}

void Telemetry::EndBlock(std::uint64_t from_ns) {
  last_progress_ns_ = from_ns;
  slot_.progress_ns.store(from_ns, std::memory_order_release);
  slot_.blocked_until_ns.store(kNotBlocked, std::memory_order_release);
  LookAtCpu(from_ns);
}

void Telemetry::RecordWake(std::uint64_t ns) {
  samples_.wakes.Add(ns, rng_);
  slice_samples_.wakes.Add(ns, rng_);
}
void Telemetry::RecordTimer(std::uint64_t ns) {
  samples_.timers.Add(ns, rng_);
  slice_samples_.timers.Add(ns, rng_);
}
void Telemetry::RecordIterationCost(std::uint64_t ns) {
  samples_.costs.Add(ns, rng_);
  slice_samples_.costs.Add(ns, rng_);
}

void Telemetry::BeginSlice(SliceMark mark) {
  mark_ = mark;
  slice_gap_ns_ = 0;
  slice_cpus_.clear();
  slice_outside_.clear();
  slice_outside_of_.clear();
  slice_ = {migration_count_, probe_.ReadNumaPagesMigrated(), refusals_.value_or(0)};
}

void Telemetry::EndSlice() {
  PhaseSlice& slice = slices_.emplace_back();
  slice.begin_ns = mark_.begin_ns;
  Measure(slice_, slice_samples_, slice_cpus_, slice);
  slice.cpus_outside = ToList(slice_outside_);
  slice.outside_of = slice_outside_of_;
}

void Telemetry::Samples::Take(Measures& out) {
  out.wake_sample_total = wakes.total();
  out.wake_latencies_ns = wakes.Take();
  out.timer_sample_total = timers.total();
  out.timer_latencies_ns = timers.Take();
  out.iteration_cost_sample_total = costs.total();
  out.iteration_costs_ns = costs.Take();
}

void Telemetry::Measure(const Start& start, Samples& samples, const std::vector<bool>& cpus, Measures& out) {
  out.migration_count = migration_count_ - start.migrations;
  out.cpus_used = ToList(cpus);
  samples.Take(out);
  out.numa_pages = probe_.ReadNumaPages(region_);
  if (refusals_) out.refusals = *refusals_ - start.refusals;
  out.vmstat_numa_pages_migrated = Since(probe_.ReadNumaPagesMigrated(), start.numa_pages_migrated);
}

WorkerReport Telemetry::Finish() {
  Checkpoint();
  EndSlice();
  WorkerReport report;
  Measure(life_, samples_, cpus_used_, report);
  report.tid = tid_;
  report.completed = true;
  report.created_ns = start_ns_;
  report.iterations = iterations_;
  report.work_units = work_units_;
  report.migrations = std::move(migrations_);
  report.phase_slices = std::move(slices_);
  return report;
}

}  // namespace ktstr
