// What a worker measures about itself while it runs; becomes its WorkerReport.
//
// Measurement rules (host and guest documentation quote these):
// - The gap clock is read at the end of every iteration and before every block; the longest time between two
//   readings is max_gap. Blocked time is not part of a gap, but waking late is: after a timed sleep the gap
//   clock restarts at the moment the sleep should have ended.
// - The CPU is read (cpus_used, migrations) when work_units is a multiple of 1024 after an iteration or a
//   piece of work, and when the phase changes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "guest-init/wire/report.h"
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
  virtual std::uint64_t NowNs() = 0;
  virtual std::uint64_t ThreadCpuNs() = 0;
  virtual std::uint32_t CurrentCpu() = 0;
  /// nullopt when the kernel does not offer it.
  virtual std::optional<Schedstat> ReadSchedstat() = 0;
  virtual std::vector<NodePages> ReadNumaPages() = 0;
  virtual std::uint64_t ReadNumaPagesMigrated() = 0;
};

class Telemetry {
 public:
  /// Starts the clocks. `phase_slices`: the worker ships a PhaseSlice per phase.
  Telemetry(WorkerProbe& probe, std::int32_t tid, bool phase_slices, std::uint32_t phase);

  /// Part of an iteration is done.
  void Work(std::uint64_t units);
  /// An iteration is done, its last `units` included.
  void EndIteration(std::uint64_t units, std::uint32_t phase);
  /// About to block: the gap up to now counts. Returns now.
  std::uint64_t BeginBlock();
  /// Running again; the gap clock restarts at `from_ns`.
  void EndBlock(std::uint64_t from_ns) { last_progress_ns_ = from_ns; }

  /// How long the worker's cgroup has been frozen, all in all: what was added since the last call is no part
  /// of the gap that goes on.
  void NoteFrozen(std::uint64_t total_ns) {
    last_progress_ns_ += total_ns - frozen_ns_;
    frozen_ns_ = total_ns;
  }

  void RecordWake(std::uint64_t ns);
  void RecordTimer(std::uint64_t ns);
  void RecordIterationCost(std::uint64_t ns);

  [[nodiscard]] std::uint64_t iterations() const { return iterations_; }
  /// Ends the measurement. Call once. `index` and the soft setup errors are the caller's to fill in.
  WorkerReport Finish();

 private:
  /// Counters at the beginning of a run or a phase; a difference of two is what is reported.
  struct Counters {
    std::uint64_t now_ns, cpu_ns, migrations, iterations, work_units, numa_pages_migrated;
    std::optional<Schedstat> schedstat;
  };
  struct Gap {
    std::uint64_t ns = 0;
    std::uint32_t cpu = 0;
    std::uint64_t at_ns = 0;
  };

  struct Samples {
    explicit Samples(std::size_t capacity) : wakes(capacity), timers(capacity), costs(capacity) {}
    Reservoir wakes, timers, costs;
  };

  Counters ReadCounters();
  /// What happened between two moments. Empties `samples`.
  void Measure(const Counters& start, const Counters& end, const Gap& gap, const std::vector<bool>& cpus,
               Samples& samples, Measures& out);
  std::uint64_t MeasureGap();
  void Checkpoint();
  void BeginPhase(std::uint32_t phase);
  void EndPhase();

  WorkerProbe& probe_;
  bool phase_slices_;
  std::int32_t tid_;
  Xorshift64 rng_;
  std::uint64_t work_units_ = 0;
  std::uint64_t iterations_ = 0;
  std::uint64_t last_progress_ns_ = 0;
  std::uint64_t frozen_ns_ = 0;
  std::uint64_t migration_count_ = 0;
  std::vector<Migration> migrations_;
  std::optional<std::uint32_t> cpu_;
  std::vector<bool> cpus_used_, phase_cpus_used_;
  Gap gap_, phase_gap_;
  Samples samples_{kReportSamples}, phase_samples_{kPhaseSamples};
  Counters run_start_{}, phase_start_{};
  std::uint32_t phase_ = 0;
  std::vector<PhaseSlice> slices_;
};

}  // namespace ktstr
