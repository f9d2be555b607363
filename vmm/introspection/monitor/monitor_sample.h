// What the monitor saw of the guest's run queues. Plain data between the sampler and the judge.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ktstr::vmm {

/// Counters of CONFIG_SCHEDSTATS, since boot. Zero while kernel.sched_schedstats is off.
struct SchedStats {
  std::uint64_t run_delay = 0;  // ns that tasks waited to run
  std::uint64_t pcount = 0;     // times a task got to run
  std::uint64_t yld_count = 0;
  std::uint64_t sched_count = 0;
  std::uint64_t sched_goidle = 0;
  std::uint64_t ttwu_count = 0;
  std::uint64_t ttwu_local = 0;

  friend bool operator==(const SchedStats&, const SchedStats&) = default;
};

/// One CPU at one moment. What a kernel without sched_ext or without schedstats lacks is not set.
struct CpuSample {
  std::uint32_t cpu = 0;
  std::uint32_t nr_running = 0;
  std::uint64_t rq_clock = 0;  // ns; does not advance while the CPU idles
  std::uint64_t nr_switches = 0;
  std::optional<std::uint32_t> scx_nr_running;
  std::optional<std::uint32_t> local_dsq_depth;
  std::optional<std::uint32_t> scx_flags;
  std::optional<SchedStats> schedstats;
  /// sched_ext's event counters, in the order of MonitorSeries::event_names; empty: the kernel counts none,
  /// or no scheduler is attached.
  std::vector<std::int64_t> events;
  /// CPU time on the host of the thread that runs this vCPU.
  std::optional<std::uint64_t> vcpu_ns;
};

struct MonitorSample {
  std::uint64_t elapsed_ms = 0;  // host time since the sampler was made
  std::vector<CpuSample> cpus;   // rising; without those that were dropped
  std::uint32_t dropped = 0;     // CPUs whose reading was torn, implausible or failed
};

/// The samples of one run.
struct MonitorSeries {
  std::vector<std::string> event_names;  // "SCX_EV_SELECT_CPU_FALLBACK"
  std::uint32_t cpus = 0;                // of the guest
  /// One host thread runs all vCPUs in turn (QEMU's TCG with thread=single), so each has its CPU time.
  bool shared_vcpu_thread = false;
  std::vector<MonitorSample> samples;
  /// No more samples were kept after these, though the run went on: see MonitorSampler::kMaxReadings.
  bool full = false;
};

/// Beyond these a reading is garbage, not load.
inline constexpr std::uint32_t kMaxPlausibleRunning = 32'768;
inline constexpr std::uint32_t kMaxPlausibleDsqDepth = 10'000;

}  // namespace ktstr::vmm
