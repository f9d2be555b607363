#include "guest-init/worker_account.h"

#include <algorithm>
#include <utility>

namespace ktstr::guest {
namespace {

constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr std::uint64_t kNsPerUs = 1'000;

std::uint64_t Since(std::uint64_t end, std::uint64_t start) { return end > start ? end - start : 0; }

/// What only the worker knows of a slice.
void TakeOwn(PhaseSlice& own, PhaseSlice& slice) {
  slice.migration_count = own.migration_count;
  slice.cpus_used = std::move(own.cpus_used);
  slice.wake_latencies_ns = std::move(own.wake_latencies_ns);
  slice.wake_sample_total = own.wake_sample_total;
  slice.timer_latencies_ns = std::move(own.timer_latencies_ns);
  slice.timer_sample_total = own.timer_sample_total;
  slice.iteration_costs_ns = std::move(own.iteration_costs_ns);
  slice.iteration_cost_sample_total = own.iteration_cost_sample_total;
  slice.numa_pages = std::move(own.numa_pages);
  slice.vmstat_numa_pages_migrated = own.vmstat_numa_pages_migrated;
  slice.refusals = own.refusals;
  slice.cpus_outside = std::move(own.cpus_outside);
  slice.outside_of = std::move(own.outside_of);
}

void AddUp(const PhaseSlice& slice, Measures& whole) {
  whole.wall_ns += slice.wall_ns;
  whole.cpu_time_ns += slice.cpu_time_ns;
  whole.off_cpu_ns += slice.off_cpu_ns;
  whole.schedstat_cpu_time_ns += slice.schedstat_cpu_time_ns;
  whole.run_delay_ns += slice.run_delay_ns;
  whole.run_count += slice.run_count;
  whole.frozen_ns += slice.frozen_ns;
  whole.throttled_ns += slice.throttled_ns;
  whole.machine_stopped_ns += slice.machine_stopped_ns;
}

}  // namespace

SlotLook SlotLook::Read(const WorkerSlot& slot) {
  SlotLook look;
  look.blocked_until_ns = slot.blocked_until_ns.load(std::memory_order_acquire);
  look.progress_ns = slot.progress_ns.load(std::memory_order_acquire);
  look.gap = SliceGap::Unpack(slot.gap.load(std::memory_order_acquire));
  look.gap_end_ns = slot.gap_end_ns.load(std::memory_order_relaxed);
  look.longest = SliceGap::Unpack(slot.longest.load(std::memory_order_acquire));
  look.longest_end_ns = slot.longest_end_ns.load(std::memory_order_relaxed);
  look.iterations = slot.iterations.load(std::memory_order_relaxed);
  look.work_units = slot.work_units.load(std::memory_order_relaxed);
  return look;
}

WorkerAccount::WorkerAccount(SliceMark mark, std::uint32_t phase, const CgroupLook& cgroup,
                             std::uint64_t machine_stopped_ns)
    : mark_(mark), phase_(phase), created_ns_(mark.begin_ns) {
  begin_.now_ns = mark.begin_ns;
  begin_.frozen_ns = cgroup.frozen_ns;
  begin_.throttled_ns = cgroup.throttled_ns;
  begin_.machine_stopped_ns = machine_stopped_ns;
  last_ = begin_;
}

void WorkerAccount::Raise(Stretch& longest, const Stretch& other) {
  if (other.ns > longest.ns) longest = other;
}

/// Since when it makes no progress though it is not asleep by its own wish; nothing when it is, or when only
/// WatchSuspect can tell.
std::optional<std::uint64_t> WorkerAccount::StandsSince(const Sight& sight) const {
  if (released_ns_ == 0) return std::nullopt;
  const std::uint64_t progress = std::max(sight.slot.progress_ns, released_ns_);
  const std::uint64_t until = sight.slot.blocked_until_ns;
  if (until == kNotBlocked) return progress;
  if (until == kUntilWoken || sight.now_ns <= until) return std::nullopt;
  return std::max(progress, until);
}

/// How long it has been runnable without running, at most.
std::uint64_t WorkerAccount::Waiting(const Sight& sight) const {
  if (sight.task.state != TaskState::kRunnable) return 0;
  std::optional<std::uint64_t> since = StandsSince(sight);
  if (!since && suspect_) since = suspect_->begin_ns;
  if (!since) return 0;
  const std::uint64_t unexplained = last_.waiting_ns + Since(sight.now_ns, last_.now_ns);
  const std::uint64_t explained =
      Since(sight.task.cpu_ns, last_.cpu_ns) + Since(sight.task.run_delay_ns, last_.accounted_ns);
  return std::min(Since(sight.now_ns, *since), Since(unexplained, explained));
}

void WorkerAccount::Blame(std::uint64_t begin_ns, std::uint64_t end_ns, std::uint64_t most_ns,
                          std::uint32_t cpu) {
  const auto inside = [&](std::uint64_t from, std::uint64_t to) {
    const std::uint64_t end = std::min(end_ns, to);
    return Stretch{std::min(most_ns, Since(end, std::max(begin_ns, from))), end, cpu};
  };
  Raise(longest_, inside(0, end_ns));
  Raise(slice_longest_, inside(begin_.now_ns, end_ns));
  for (std::size_t i = 0; i < slices_.size(); ++i)
    Raise(longest_of_slices_[i], inside(slices_[i].begin_ns, slices_[i].begin_ns + slices_[i].wall_ns));
}

void WorkerAccount::WatchSuspect(const Sight& sight) {
  const SlotLook& slot = sight.slot;
  const TaskLook& task = sight.task;
  const bool waits = slot.blocked_until_ns == kUntilWoken && released_ns_ != 0;
  const bool runnable = task.state == TaskState::kRunnable;
  if (suspect_) {
    const bool same =
        waits && runnable && slot.progress_ns == suspect_->progress_ns && task.cpu_ns == suspect_->cpu_ns;
    // Once it has run, the kernel says how long it waited, though not when within the bracket.
    const std::uint64_t most = same ? UINT64_MAX : Since(task.run_delay_ns, suspect_->accounted_ns);
    Blame(suspect_->begin_ns, sight.now_ns, most, task.cpu);
    if (!same) suspect_.reset();
  }
  if (waits && !runnable) {
    asleep_ns_ = sight.now_ns;
    asleep_accounted_ns_ = task.run_delay_ns;
  }
  if (!waits || !runnable || suspect_) return;
  const bool seen_asleep = asleep_ns_ > slot.progress_ns;
  suspect_ = Suspect{seen_asleep ? asleep_ns_ : slot.progress_ns,
                     seen_asleep ? asleep_accounted_ns_ : last_.accounted_ns, task.cpu_ns, slot.progress_ns};
}

void WorkerAccount::Look(const Sight& sight) {
  if (ended_) return;
  WatchSuspect(sight);
  Totals now;
  now.now_ns = sight.now_ns;
  now.waiting_ns = Waiting(sight);
  now.cpu_ns = std::max(sight.task.cpu_ns, last_.cpu_ns);
  schedstat_ = schedstat_ || sight.task.schedstat;
  now.accounted_ns = std::max(sight.task.run_delay_ns, last_.accounted_ns);
  now.delay_ns = std::max(last_.delay_ns, now.accounted_ns + (schedstat_ ? now.waiting_ns : 0));
  now.run_count = std::max(sight.task.run_count, last_.run_count);
  now.iterations = sight.slot.iterations;
  now.work_units = sight.slot.work_units;
  now.frozen_ns = sight.cgroup.frozen_ns;
  now.throttled_ns = sight.cgroup.throttled_ns;
  now.machine_stopped_ns = sight.machine_stopped_ns;
  last_ = now;
}

void WorkerAccount::Cut(const Sight& sight, std::uint64_t end_ns) {
  Look(sight);
  PhaseSlice slice;
  slice.phase = phase_;
  slice.begin_ns = mark_.begin_ns;
  slice.wall_ns = Since(end_ns, mark_.begin_ns);
  slice.cpu_time_ns = Since(last_.cpu_ns, begin_.cpu_ns);
  slice.off_cpu_ns = Since(slice.wall_ns, slice.cpu_time_ns);
  slice.iterations = Since(last_.iterations, begin_.iterations);
  slice.work_units = Since(last_.work_units, begin_.work_units);
  if (schedstat_) {
    slice.schedstat_cpu_time_ns = slice.cpu_time_ns;
    slice.run_delay_ns = Since(last_.delay_ns, begin_.delay_ns);
    slice.run_count = Since(last_.run_count, begin_.run_count);
  }
  slice.frozen_ns = std::min(Since(last_.frozen_ns, begin_.frozen_ns), slice.wall_ns);
  slice.throttled_ns = std::min(Since(last_.throttled_ns, begin_.throttled_ns), slice.off_cpu_ns);
  slice.machine_stopped_ns =
      std::min(Since(last_.machine_stopped_ns, begin_.machine_stopped_ns), slice.wall_ns);
  slice.state = sight.task.state;
  slice.cpu = sight.task.cpu;
  slice.waiting_ns = last_.waiting_ns;
  slice.cpus_allowed = sight.cgroup.cpus;
  slice.cpus_let_in = sight.cgroup.let_in;

  const SlotLook& slot = sight.slot;
  Stretch longest = slice_longest_;
  if (slot.gap.ordinal == mark_.ordinal)
    Raise(longest,
          {slot.gap.us * kNsPerUs, std::clamp(slot.gap_end_ns, mark_.begin_ns, end_ns), slot.gap.cpu});
  Raise(longest_, {slot.longest.us * kNsPerUs, std::min(slot.longest_end_ns, end_ns), slot.longest.cpu});
  if (const auto since = StandsSince(sight)) {
    // A freeze within the gap is no part of it.
    const std::uint64_t begin = std::max(*since, mark_.begin_ns);
    const std::uint64_t frozen = std::min(sight.frozen_since_progress_ns, slice.frozen_ns);
    Raise(longest, {Since(Since(end_ns, begin), frozen), end_ns, slice.cpu});
    Raise(longest_, {Since(Since(end_ns, *since), sight.frozen_since_progress_ns), end_ns, slice.cpu});
  }
  slices_.push_back(std::move(slice));
  longest_of_slices_.push_back(longest);
  slice_longest_ = {};
  begin_ = last_;
}

void WorkerAccount::Mark(const Sight& sight, SliceMark mark, std::uint32_t phase) {
  if (ended_) return;
  Cut(sight, mark.begin_ns);
  mark_ = mark;
  begin_.now_ns = mark.begin_ns;
  phase_ = phase;
}

void WorkerAccount::End(const Sight& sight, std::uint64_t end_ns) {
  if (ended_) return;
  Cut(sight, end_ns);
  ended_ = true;
}

WorkerReport WorkerAccount::Write(WorkerReport own) const {
  WorkerReport report = std::move(own);
  std::vector<PhaseSlice> told = std::exchange(report.phase_slices, slices_);
  // The worker counts its moves from its first instruction.
  for (Migration& migration : report.migrations) migration.at_ns += Since(report.created_ns, created_ns_);
  report.created_ns = created_ns_;
  report.schedstat_available = schedstat_;
  std::uint64_t iterations = 0;
  std::uint64_t work_units = 0;
  for (std::size_t i = 0; i < report.phase_slices.size(); ++i) {
    PhaseSlice& slice = report.phase_slices[i];
    for (PhaseSlice& of_worker : told)
      if (of_worker.begin_ns == slice.begin_ns) TakeOwn(of_worker, slice);
    const Stretch& longest = longest_of_slices_[i];
    slice.max_gap_ms = longest.ns / kNsPerMs;
    slice.max_gap_cpu = longest.cpu;
    slice.max_gap_at_ms = Since(longest.end_ns, created_ns_) / kNsPerMs;
    slice.max_gap_run_delay_ms = std::min(longest.ns, slice.run_delay_ns) / kNsPerMs;
    AddUp(slice, report);
    iterations += slice.iterations;
    work_units += slice.work_units;
  }
  // What it still finished after it was asked to stop belongs to where it was begun.
  if (!report.phase_slices.empty()) {
    report.phase_slices.back().iterations += Since(report.iterations, iterations);
    report.phase_slices.back().work_units += Since(report.work_units, work_units);
  }
  report.iterations = std::max(report.iterations, iterations);
  report.work_units = std::max(report.work_units, work_units);
  report.max_gap_ms = longest_.ns / kNsPerMs;
  report.max_gap_cpu = longest_.cpu;
  report.max_gap_at_ms = Since(longest_.end_ns, created_ns_) / kNsPerMs;
  report.max_gap_run_delay_ms = std::min(longest_.ns, report.run_delay_ns) / kNsPerMs;
  return report;
}

}  // namespace ktstr::guest
