#include "vmm/introspection/capture/walk_runqueues.h"

namespace ktstr::vmm {
namespace {

/// The kernel's enum cpu_usage_stat; its order has not changed since it got its name.
enum CpuUsage : std::size_t { kUser, kNice, kSystem, kSoftirq, kIrq, kIdle, kIowait, kSteal };

PerCpuTime TimeOf(const RawCpu& raw, std::uint32_t cpu, const KernelLayout& layout) {
  PerCpuTime time;
  time.cpu = cpu;
  const auto spent = [&](CpuUsage kind) {
    return PointerAt(raw.cpu_time, layout.cpu_time.cpustat.offset + kind * 8);
  };
  time.user = spent(kUser);
  time.nice = spent(kNice);
  time.system = spent(kSystem);
  time.softirq = spent(kSoftirq);
  time.irq = spent(kIrq);
  time.idle = spent(kIdle);
  time.iowait = spent(kIowait);
  time.steal = spent(kSteal);
  time.irqs_sum = Get(raw.kernel_stat, layout.kernel_stat.irqs_sum).value_or(0);
  const Field& softirqs = layout.kernel_stat.softirqs;
  for (std::uint32_t at = 0; at < softirqs.size && !raw.kernel_stat.empty(); at += 4)
    time.softirqs.push_back(Get(raw.kernel_stat, Field{softirqs.offset + at, 4, false, true}).value_or(0));
  time.iowait_sleeptime_ns = Get(raw.tick, layout.tick.iowait_sleeptime);
  return time;
}

RunQueue QueueOf(const RenderContext& context, const RawCpu& raw, std::uint32_t cpu) {
  const RqLayout& layout = context.layout.rq;
  const auto u64 = [&](const Field& field) { return Get(raw.rq, field).value_or(0); };
  RunQueue queue;
  queue.cpu = cpu;
  queue.nr_running = static_cast<std::uint32_t>(u64(layout.nr_running));
  queue.nr_switches = u64(layout.nr_switches);
  queue.clock = u64(layout.clock);
  queue.min_vruntime = u64(layout.min_vruntime);
  queue.cfs_nr_running = static_cast<std::uint32_t>(u64(layout.cfs_nr_running));
  if (const TaskName* curr = context.NameOf(u64(layout.curr))) {
    queue.curr_pid = curr->pid;
    queue.curr_comm = curr->comm;
  }
  return queue;
}

}  // namespace

void CollectRunQueues(Collector& c) {
  const KernelLayout& layout = c.layout;
  if (!layout.at.runqueues)
    c.out.run_queues_reason = "the kernel has no symbol runqueues";
  else if (!layout.rq.ok())
    c.out.run_queues_reason = layout.rq.missing;
  const auto copy = [&](std::optional<std::uint64_t> symbol, const StructLayout& of, std::uint32_t cpu) {
    return symbol && of.ok() ? c.Copy(c.OnCpu(*symbol, cpu), of.extent) : Bytes();
  };
  for (std::uint32_t cpu = 0; cpu < c.cpus() && !c.Expired(); ++cpu) {
    RawCpu& raw = c.out.cpus.emplace_back();
    raw.rq = copy(layout.at.runqueues, layout.rq, cpu);
    raw.cpu_time = copy(layout.at.kernel_cpustat, layout.cpu_time, cpu);
    raw.kernel_stat = copy(layout.at.kstat, layout.kernel_stat, cpu);
    raw.tick = copy(layout.at.tick_cpu_sched, layout.tick, cpu);
    if (!raw.rq.empty()) c.NameTask(Get(raw.rq, layout.rq.curr).value_or(0));
  }
}

void CollectClock(Collector& c) {
  const TimekeeperLayout& layout = c.layout.timekeeper;
  if (!c.layout.at.tk_core || !layout.ok()) return;
  const std::uint64_t timekeeper = *c.layout.at.tk_core + layout.in_core;
  const auto base = c.LoadField(timekeeper, layout.base);
  const auto shifted = c.LoadField(timekeeper, layout.xtime_nsec);
  const auto shift = c.LoadField(timekeeper, layout.shift);
  if (base && shifted && shift && *shift < 64) c.out.guest_ns = *base + (*shifted >> *shift);
}

void RenderRunQueues(const RenderContext& context, SnapshotReport& report) {
  const KernelLayout& layout = context.layout;
  report.guest_ns = context.raw.guest_ns;
  report.run_queues_unavailable = context.raw.run_queues_reason;
  report.per_node_numa_unavailable = "figures per NUMA node are not collected";
  for (std::uint32_t cpu = 0; cpu < context.raw.cpus.size(); ++cpu) {
    const RawCpu& raw = context.raw.cpus[cpu];
    if (!raw.rq.empty()) report.run_queues.push_back(QueueOf(context, raw, cpu));
    if (!raw.cpu_time.empty()) report.per_cpu_time.push_back(TimeOf(raw, cpu, layout));
  }
  if (report.run_queues.empty() && report.run_queues_unavailable.empty())
    report.run_queues_unavailable = "no CPU's run queue could be read";
  if (!report.per_cpu_time.empty()) return;
  report.per_cpu_time_unavailable = !layout.at.kernel_cpustat ? "the kernel has no symbol kernel_cpustat"
                                    : !layout.cpu_time.ok()   ? layout.cpu_time.missing
                                                              : "no CPU's times could be read";
}

}  // namespace ktstr::vmm
