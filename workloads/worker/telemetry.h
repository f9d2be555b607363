// What a worker measures about itself while it runs: samples, CPUs, and how long it went without progress.
// Time and the kernel's figures are PID 1's account (guest-init/worker_account.h), which also has them of
// workers that never run. The two meet in the worker's slot of the group's memory.
//
// Measurement rules (host and guest documentation quote these):
// - The gap clock is read at the end of every iteration or piece of work and before every block; the longest
// time between two
//   readings is max_gap. The first gap begins when the worker is let go. Blocked time is not part of a gap,
//   but waking late is: after a timed sleep the gap clock restarts at the moment the sleep should have ended.
// - The CPU is read (cpus_used, migrations) when work_units is a multiple of 1024 after an iteration or a
//   piece of work, after every block, and when a new slice is noticed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "guest-init/wire/report.h"
#include "workloads/worker/group_memory.h"
#include "workloads/worker/reservoir.h"

namespace ktstr {

inline constexpr std::uint64_t kCheckpointUnits = 1024;
inline constexpr std::size_t kMaxMigrations = 4096;

/// The first three fields of /proc/<pid>/schedstat.
struct Schedstat {
  std::uint64_t cpu_time_ns = 0;
  std::uint64_t run_delay_ns = 0;
  std::uint64_t run_count = 0;
};

/// Where measurements come from; tests put a fake in its place. Called on the worker's own thread.
class WorkerProbe {
 public:
  virtual ~WorkerProbe() = default;
  virtual std::uint64_t NowNs() = 0;        // the guest's monotonic clock
  virtual std::uint64_t ThreadCpuNs() = 0;  // CPU time of the calling thread
  virtual std::uint32_t CurrentCpu() = 0;
  /// Of the caller's memory; with `region` only of the mapping that begins there.
  virtual std::vector<NodePages> ReadNumaPages(const void* region) = 0;
  virtual std::uint64_t ReadNumaPagesMigrated() = 0;
};

class Telemetry {
 public:
  /// All must outlive it; `slot` is the worker's own.
  Telemetry(WorkerProbe& probe, const GroupControl& control, WorkerSlot& slot, std::int32_t tid);

  /// Part of an iteration is done; 0 units: it is known to run.
  void Work(std::uint64_t units);
  /// An iteration is done, its last `units` included.
  void EndIteration(std::uint64_t units);
  /// About to wait for someone else: the gap up to now counts. Returns now.
  std::uint64_t BeginBlock() { return Block(kUntilWoken); }
  /// About to sleep for `ns`. Returns now.
  std::uint64_t BeginSleep(std::uint64_t ns) { return Block(ns); }
  /// Running again; the gap clock restarts at `from_ns`.
  void EndBlock(std::uint64_t from_ns);

  void RecordWake(std::uint64_t ns);
  void RecordTimer(std::uint64_t ns);
  void RecordIterationCost(std::uint64_t ns);

  /// `count` more calls were refused where the work type expects it. With 0 it says that it may expect some.
  void CountRefusals(std::uint64_t count) { refusals_ = refusals_.value_or(0) + count; }

  /// From here on numa_pages are those of the mapping that begins at `region`.
  void CountPagesOf(const void* region) { region_ = region; }
  [[nodiscard]] std::uint64_t iterations() const { return iterations_; }
  /// Ends the measurement. Call once. The report has what only the worker knows: counts, samples, CPUs,
  /// pages, with one slice for each that it noticed. The rest is the caller's to fill in.
  WorkerReport Finish();

 private:
  struct Samples {
    explicit Samples(std::size_t capacity) : wakes(capacity), timers(capacity), costs(capacity) {}
    void Take(Measures& out);
    Reservoir wakes, timers, costs;
  };
  /// Of a slice or of the whole life.
  struct Start {
    std::uint64_t migrations = 0, numa_pages_migrated = 0, refusals = 0;
  };

  void Measure(const Start& start, Samples& samples, const std::vector<bool>& cpus, Measures& out);
  std::uint64_t Block(std::uint64_t ns);
  std::uint64_t MeasureGap();
  void Checkpoint() { LookAtCpu(MeasureGap()); }
  void LookAtCpu(std::uint64_t now);
  void Count(std::uint64_t units);
  [[nodiscard]] SliceMark CurrentMark() const {
    return SliceMark::Unpack(control_.slice.load(std::memory_order_acquire));
  }
  void BeginSlice(SliceMark mark);
  void EndSlice();

  WorkerProbe& probe_;
  const GroupControl& control_;
  WorkerSlot& slot_;
  std::int32_t tid_;
  Xorshift64 rng_;
  const void* region_ = nullptr;
  std::uint64_t work_units_ = 0;
  std::uint64_t iterations_ = 0;
  std::uint64_t start_ns_ = 0;
  std::uint64_t last_progress_ns_ = 0;
  std::uint64_t frozen_ns_ = 0;  // of its cgroup, as far as known
  std::uint64_t longest_gap_ns_ = 0;
  std::uint64_t slice_gap_ns_ = 0;
  std::uint64_t migration_count_ = 0;
  std::vector<Migration> migrations_;
  std::optional<std::uint64_t> refusals_;
  std::optional<std::uint32_t> cpu_;
  std::vector<bool> cpus_used_, slice_cpus_;
  std::vector<bool> slice_outside_;              // of slice_cpus_: outside the set of that moment
  std::vector<std::uint32_t> slice_outside_of_;  // the set that was first left
  Samples samples_{kReportSamples}, slice_samples_{kPhaseSamples};
  Start life_, slice_;
  SliceMark mark_;
  std::vector<PhaseSlice> slices_;
};

}  // namespace ktstr
