// Which members of a report stand under which key of its JSON form: the one list from which writing, reading
// and addressing by path follow. For the source files of snapshot reports only.
#pragma once

#include <tuple>

#include "vmm/introspection/snapshot_report.h"

namespace ktstr::vmm {

template <typename S, typename M>
struct SnapshotField {
  const char* key;
  M S::*member;
};
template <typename S, typename M>
SnapshotField(const char*, M S::*) -> SnapshotField<S, M>;

/// SnapshotFields<S>::kAll is a tuple of SnapshotField; a type that has none is no struct of a report.
template <typename S>
struct SnapshotFields {};

template <>
struct SnapshotFields<VcpuRegisters> {
  using S = VcpuRegisters;
  static constexpr auto kAll =
      std::tuple{SnapshotField{"instruction_pointer", &S::instruction_pointer},
                 SnapshotField{"symbol", &S::symbol}, SnapshotField{"stack_pointer", &S::stack_pointer},
                 SnapshotField{"page_table_root", &S::page_table_root},
                 SnapshotField{"user_page_table_root", &S::user_page_table_root}};
};

template <>
struct SnapshotFields<MapEntry> {
  using S = MapEntry;
  static constexpr auto kAll =
      std::tuple{SnapshotField{"key", &S::key}, SnapshotField{"key_hex", &S::key_hex},
                 SnapshotField{"value", &S::value}, SnapshotField{"value_hex", &S::value_hex}};
};

template <>
struct SnapshotFields<PerCpuEntry> {
  using S = PerCpuEntry;
  static constexpr auto kAll =
      std::tuple{SnapshotField{"key", &S::key}, SnapshotField{"per_cpu", &S::per_cpu}};
};

template <>
struct SnapshotFields<PerCpuHashEntry> {
  using S = PerCpuHashEntry;
  static constexpr auto kAll =
      std::tuple{SnapshotField{"key", &S::key}, SnapshotField{"key_hex", &S::key_hex},
                 SnapshotField{"per_cpu", &S::per_cpu}};
};

template <>
struct SnapshotFields<ArenaPages::Page> {
  using S = ArenaPages::Page;
  static constexpr auto kAll = std::tuple{SnapshotField{"offset", &S::offset}, SnapshotField{"hex", &S::hex}};
};

template <>
struct SnapshotFields<ArenaPages> {
  using S = ArenaPages;
  static constexpr auto kAll =
      std::tuple{SnapshotField{"user_vm_start", &S::user_vm_start},
                 SnapshotField{"pages_mapped", &S::pages_mapped}, SnapshotField{"pages", &S::pages}};
};

template <>
struct SnapshotFields<RingbufState> {
  using S = RingbufState;
  static constexpr auto kAll = std::tuple{
      SnapshotField{"capacity", &S::capacity}, SnapshotField{"consumer_pos", &S::consumer_pos},
      SnapshotField{"producer_pos", &S::producer_pos}, SnapshotField{"pending_pos", &S::pending_pos},
      SnapshotField{"pending_bytes", &S::pending_bytes}};
};

template <>
struct SnapshotFields<StackTraces::Bucket> {
  using S = StackTraces::Bucket;
  static constexpr auto kAll = std::tuple{SnapshotField{"id", &S::id}, SnapshotField{"pcs", &S::pcs},
                                          SnapshotField{"symbols", &S::symbols}};
};

template <>
struct SnapshotFields<StackTraces> {
  static constexpr auto kAll = std::tuple{SnapshotField{"buckets", &StackTraces::buckets}};
};

template <>
struct SnapshotFields<FdArray> {
  using S = FdArray;
  static constexpr auto kAll =
      std::tuple{SnapshotField{"slots_scanned", &S::slots_scanned}, SnapshotField{"indices", &S::indices}};
};

template <>
struct SnapshotFields<MapRecord> {
  using S = MapRecord;
  static constexpr auto kAll = std::tuple{
      SnapshotField{"name", &S::name},
      SnapshotField{"map_kva", &S::map_kva},
      SnapshotField{"id", &S::id},
      SnapshotField{"map_type", &S::map_type},
      SnapshotField{"type_name", &S::type_name},
      SnapshotField{"key_size", &S::key_size},
      SnapshotField{"value_size", &S::value_size},
      SnapshotField{"max_entries", &S::max_entries},
      SnapshotField{"value", &S::value},
      SnapshotField{"entries", &S::entries},
      SnapshotField{"percpu_entries", &S::percpu_entries},
      SnapshotField{"percpu_hash_entries", &S::percpu_hash_entries},
      SnapshotField{"arena", &S::arena},
      SnapshotField{"ringbuf", &S::ringbuf},
      SnapshotField{"stack_trace", &S::stack_trace},
      SnapshotField{"fd_array", &S::fd_array},
      SnapshotField{"truncated", &S::truncated},
      SnapshotField{"error", &S::error},
  };
};

template <>
struct SnapshotFields<ProgStats> {
  using S = ProgStats;
  static constexpr auto kAll =
      std::tuple{SnapshotField{"name", &S::name},   SnapshotField{"id", &S::id},
                 SnapshotField{"type", &S::type},   SnapshotField{"cnt", &S::cnt},
                 SnapshotField{"nsecs", &S::nsecs}, SnapshotField{"misses", &S::misses}};
};

template <>
struct SnapshotFields<PerCpuTime> {
  using S = PerCpuTime;
  static constexpr auto kAll = std::tuple{
      SnapshotField{"cpu", &S::cpu},           SnapshotField{"user", &S::user},
      SnapshotField{"nice", &S::nice},         SnapshotField{"system", &S::system},
      SnapshotField{"softirq", &S::softirq},   SnapshotField{"irq", &S::irq},
      SnapshotField{"idle", &S::idle},         SnapshotField{"iowait", &S::iowait},
      SnapshotField{"steal", &S::steal},       SnapshotField{"softirqs", &S::softirqs},
      SnapshotField{"irqs_sum", &S::irqs_sum}, SnapshotField{"iowait_sleeptime_ns", &S::iowait_sleeptime_ns},
  };
};

template <>
struct SnapshotFields<RunQueue> {
  using S = RunQueue;
  static constexpr auto kAll = std::tuple{
      SnapshotField{"cpu", &S::cpu},
      SnapshotField{"nr_running", &S::nr_running},
      SnapshotField{"nr_switches", &S::nr_switches},
      SnapshotField{"clock", &S::clock},
      SnapshotField{"min_vruntime", &S::min_vruntime},
      SnapshotField{"cfs_nr_running", &S::cfs_nr_running},
      SnapshotField{"curr_pid", &S::curr_pid},
      SnapshotField{"curr_comm", &S::curr_comm},
  };
};

template <>
struct SnapshotFields<TaskRecord> {
  using S = TaskRecord;
  static constexpr auto kAll = std::tuple{
      SnapshotField{"pid", &S::pid},
      SnapshotField{"tgid", &S::tgid},
      SnapshotField{"comm", &S::comm},
      SnapshotField{"task_kva", &S::task_kva},
      SnapshotField{"cpu", &S::cpu},
      SnapshotField{"state", &S::state},
      SnapshotField{"on_cpu", &S::on_cpu},
      SnapshotField{"on_rq", &S::on_rq},
      SnapshotField{"cpus_allowed", &S::cpus_allowed},
      SnapshotField{"cgroup", &S::cgroup},
      SnapshotField{"group_leader_pid", &S::group_leader_pid},
      SnapshotField{"real_parent_pid", &S::real_parent_pid},
      SnapshotField{"real_parent_comm", &S::real_parent_comm},
      SnapshotField{"nr_threads", &S::nr_threads},
      SnapshotField{"policy", &S::policy},
      SnapshotField{"prio", &S::prio},
      SnapshotField{"static_prio", &S::static_prio},
      SnapshotField{"normal_prio", &S::normal_prio},
      SnapshotField{"rt_priority", &S::rt_priority},
      SnapshotField{"sched_class", &S::sched_class},
      SnapshotField{"start_time_ns", &S::start_time_ns},
      SnapshotField{"sum_exec_runtime", &S::sum_exec_runtime},
      SnapshotField{"vruntime", &S::vruntime},
      SnapshotField{"nvcsw", &S::nvcsw},
      SnapshotField{"nivcsw", &S::nivcsw},
      SnapshotField{"scx_weight", &S::scx_weight},
      SnapshotField{"scx_dsq_vtime", &S::scx_dsq_vtime},
      SnapshotField{"scx_slice", &S::scx_slice},
  };
};

template <>
struct SnapshotFields<RqScx> {
  using S = RqScx;
  static constexpr auto kAll = std::tuple{
      SnapshotField{"cpu", &S::cpu},
      SnapshotField{"nr_running", &S::nr_running},
      SnapshotField{"flags", &S::flags},
      SnapshotField{"cpu_released", &S::cpu_released},
      SnapshotField{"ops_qseq", &S::ops_qseq},
      SnapshotField{"clock", &S::clock},
      SnapshotField{"curr_pid", &S::curr_pid},
      SnapshotField{"curr_comm", &S::curr_comm},
      SnapshotField{"runnable_pids", &S::runnable_pids},
      SnapshotField{"truncated", &S::truncated},
  };
};

template <>
struct SnapshotFields<DsqState> {
  using S = DsqState;
  static constexpr auto kAll =
      std::tuple{SnapshotField{"id", &S::id},     SnapshotField{"origin", &S::origin},
                 SnapshotField{"nr", &S::nr},     SnapshotField{"seq", &S::seq},
                 SnapshotField{"pids", &S::pids}, SnapshotField{"truncated", &S::truncated}};
};

template <>
struct SnapshotFields<ScxSched> {
  using S = ScxSched;
  static constexpr auto kAll = std::tuple{
      SnapshotField{"ops", &S::ops},
      SnapshotField{"state", &S::state},
      SnapshotField{"aborting", &S::aborting},
      SnapshotField{"bypass_depth", &S::bypass_depth},
      SnapshotField{"exit_kind", &S::exit_kind},
      SnapshotField{"exit_kind_name", &S::exit_kind_name},
      SnapshotField{"watchdog_timeout", &S::watchdog_timeout},
      SnapshotField{"sched_kva", &S::sched_kva},
      SnapshotField{"event_counters", &S::event_counters},
  };
};

template <>
struct SnapshotFields<SnapshotReport> {
  using S = SnapshotReport;
  static constexpr auto kAll = std::tuple{
      SnapshotField{"is_placeholder", &S::is_placeholder},
      SnapshotField{"maps", &S::maps},
      SnapshotField{"maps_unavailable", &S::maps_unavailable},
      SnapshotField{"vcpu_regs", &S::vcpu_regs},
      SnapshotField{"vcpu_regs_unavailable", &S::vcpu_regs_unavailable},
      SnapshotField{"active_obj_name", &S::active_obj_name},
      SnapshotField{"active_map_kvas", &S::active_map_kvas},
      SnapshotField{"prog_runtime_stats", &S::prog_runtime_stats},
      SnapshotField{"prog_runtime_stats_unavailable", &S::prog_runtime_stats_unavailable},
      SnapshotField{"per_cpu_time", &S::per_cpu_time},
      SnapshotField{"per_cpu_time_unavailable", &S::per_cpu_time_unavailable},
      SnapshotField{"per_node_numa_unavailable", &S::per_node_numa_unavailable},
      SnapshotField{"run_queues", &S::run_queues},
      SnapshotField{"run_queues_unavailable", &S::run_queues_unavailable},
      SnapshotField{"tasks", &S::tasks},
      SnapshotField{"tasks_truncated", &S::tasks_truncated},
      SnapshotField{"tasks_unavailable", &S::tasks_unavailable},
      SnapshotField{"rq_scx_states", &S::rq_scx_states},
      SnapshotField{"dsq_states", &S::dsq_states},
      SnapshotField{"scx_sched_state", &S::scx_sched_state},
      SnapshotField{"scx_walker_unavailable", &S::scx_walker_unavailable},
      SnapshotField{"dump_truncated_at_us", &S::dump_truncated_at_us},
      SnapshotField{"guest_ns", &S::guest_ns},
      SnapshotField{"frozen_ms", &S::frozen_ms},
  };
};

/// Calls `use` with the SnapshotField of each member of S, in declared order.
template <typename S, typename F>
void ForEachSnapshotField(F&& use) {
  std::apply([&](const auto&... field) { (use(field), ...); }, SnapshotFields<S>::kAll);
}

template <typename S>
concept IsSnapshotStruct = requires {
  SnapshotFields<S>::kAll;
};

}  // namespace ktstr::vmm
