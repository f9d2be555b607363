// The raw numbers between reports and metrics. Internal to fold and metrics.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/units.h"
#include "guest-init/wire/cgroup_figures.h"
#include "interpreter/fold/percentile.h"

namespace ktstr {

/// The longest time a worker did not run, with what it is about: they travel together.
struct Gap {
  std::uint64_t ms = 0;
  std::uint32_t cpu = 0;
  std::string worker;
  // What its cgroup was kept from at that time, at most.
  std::uint64_t throttled_ms = 0;
};

/// The workers of one cgroup, in one phase or over their whole lives. Counters saturate.
struct CgroupTotals {
  std::uint32_t workers = 0;  // that reported
  std::uint32_t missing = 0;
  CpuSet cpus_used;
  Samples wake;
  Samples timer;
  Samples iteration_cost;                    // whole reports only: slices do not carry it
  std::vector<std::uint64_t> run_delays_ns;  // one per worker with schedstat
  std::vector<double> off_cpu_pct;           // one per worker with wall time
  std::vector<double> work_rates;            // work units per CPU second, one per worker that had CPU time
  std::vector<double> throughputs;           // work units per second of its time, one per worker
  std::uint64_t migrations = 0;
  std::uint64_t iterations = 0;
  std::uint64_t work_units = 0;
  std::uint64_t timed_iterations = 0;  // of workers with schedstat, like the next
  std::uint64_t cpu_time_ns = 0;
  bool cpu_time_measured = false;
  std::uint64_t pages = 0;
  std::uint64_t placed_pages = 0;         // of workers whose CPUs, hence nodes, are restricted
  std::uint64_t local_pages = 0;          // of these, on their nodes
  std::optional<std::uint64_t> refusals;  // of workers whose work expects some
  std::uint64_t pages_migrated = 0;       // maximum: every worker reads the same system-wide counter
  std::optional<Gap> gap;                 // nothing when no worker lived
  bool stripped = false;
  std::optional<CgroupFigures> figures;  // nothing when the kernel was not asked

  /// Sorts everything, so that sums do not depend on the order of the reports either.
  void Seal() {
    std::sort(off_cpu_pct.begin(), off_cpu_pct.end());
    std::sort(work_rates.begin(), work_rates.end());
    std::sort(throughputs.begin(), throughputs.end());
    wake.Seal();
    timer.Seal();
    iteration_cost.Seal();
  }
};

/// The raw numbers of a run; all totals are sealed.
struct RunTotals {
  std::vector<CgroupTotals> cgroups;  // whole lives
};

}  // namespace ktstr
