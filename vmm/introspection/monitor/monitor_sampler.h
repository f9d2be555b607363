// Reads the run queues of a running guest from time to time, without pausing it; the guest cannot notice.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/introspection/kernel/vcpu_times.h"
#include "vmm/introspection/memory/kernel_memory.h"
#include "vmm/introspection/monitor/monitor_sample.h"

namespace ktstr::vmm {

/// Where the monitored fields are in this kernel. Those that a kernel may lack have no offset.
struct RqFields {
  struct Field {
    std::uint64_t offset = 0;
    std::uint32_t size = 0;  // 0: the kernel has no such field
  };
  Field nr_running, clock, nr_switches;
  Field scx_nr_running, scx_flags, local_dsq_depth;
  Field run_delay, pcount, yld_count, sched_count, sched_goidle, ttwu_count, ttwu_local;
  std::uint64_t begin = 0;  // all of them lie in [begin, end) of struct rq
  std::uint64_t end = 0;
};

/// One thread, the machine's. `view` and what it looks at outlive this.
///
/// A run queue is copied twice, by one read each. The guest may change it meanwhile, so a CPU's reading
/// counts only if both copies have the same queue lengths and flags, no counter runs backwards from one to
/// the other, and all numbers are plausible (monitor_sample.h). After kTries such pairs the CPU is left out
/// of the sample and counted.
class MonitorSampler {
 public:
  static constexpr int kTries = 3;
  /// How many readings of CPUs are kept: some 300 MB; half a day of two CPUs at ten samples a second.
  static constexpr std::size_t kMaxReadings = 1'000'000;

  /// `qemu` 0: the vCPUs' times are not known. Errors (kInput): the kernel's BTF lacks struct rq or one of
  /// its nr_running, nr_switches and clock; those of KernelView::PerCpu() for `runqueues`.
  static Result<MonitorSampler> Create(const KernelView& view, pid_t qemu,
                                       const std::filesystem::path& proc = "/proc");

  /// Takes one sample and keeps it, unless `max_readings` are kept: the series is then full. The last sample.
  const MonitorSample& Sample(std::size_t max_readings = kMaxReadings);
  [[nodiscard]] const MonitorSeries& series() const { return series_; }
  /// CPU time that this thread has spent in Sample().
  [[nodiscard]] double cost_ms() const { return static_cast<double>(cost_.count()) / 1e6; }

 private:
  /// Where sched_ext counts events; it moved from a variable into struct scx_sched.
  struct EventSource {
    std::vector<RqFields::Field> counters;  // in the stats struct
    std::uint32_t bytes = 0;                // of it
    std::optional<std::uint64_t> symbol;    // of the per-CPU variable: kernels 6.14 and 6.15
    std::optional<std::uint64_t> root;      // address of the pointer scx_root, from 6.16 on
    std::uint64_t pointer = 0;              // in struct scx_sched: a per-CPU pointer to
    std::uint64_t inner = 0;                // ... a struct that has the stats at this offset
  };

  MonitorSampler(const KernelView& view, VcpuTimes times) : view_(view), times_(std::move(times)) {}
  void FindEvents();
  [[nodiscard]] std::optional<CpuSample> ReadCpu(std::uint32_t cpu);
  [[nodiscard]] std::optional<CpuSample> ReadPair(std::uint32_t cpu);
  [[nodiscard]] CpuSample Decode(std::span<const std::byte> copy) const;
  [[nodiscard]] std::optional<std::uint64_t> EventBase() const;
  [[nodiscard]] std::vector<std::int64_t> ReadEvents(std::uint64_t base, std::uint32_t cpu) const;

  KernelView view_;
  VcpuTimes times_;
  RqFields fields_;
  EventSource event_source_;
  std::vector<std::uint64_t> rq_addresses_;  // by CPU
  std::vector<std::byte> first_;             // the two copies
  std::vector<std::byte> second_;
  MonitorSeries series_;
  std::size_t readings_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::nanoseconds cost_{0};
};

}  // namespace ktstr::vmm
