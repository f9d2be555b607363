// Which members of a report stand under which key of its JSON form: the one list from which writing, reading
// and addressing by path follow. For the source files of snapshot reports only.
#pragma once

#include <tuple>

#include "vmm/introspection/snapshot/snapshot_report.h"

namespace ktstr::vmm {

/// A member and its key. Its type decides the form: numbers, bools and strings as such, a RenderedValue by
/// its own ToJson, a list as an array, an optional as its value or nothing, a struct with a table as an
/// object.
template <typename S, typename M>
struct SnapshotField {
  const char* key;
  M S::*member;
};

/// A table: a tuple of SnapshotField, made from keys and members in turn.
constexpr std::tuple<> Fields() { return {}; }
template <typename S, typename M, typename... Rest>
constexpr auto Fields(const char* key, M S::*member, Rest... rest) {
  return std::tuple_cat(std::tuple{SnapshotField<S, M>{key, member}}, Fields(rest...));
}

/// The table of S, in the order of its members (a test holds them together); empty of a type that is no
/// struct of a report.
template <typename S>
inline constexpr std::tuple<> kSnapshotFields;

/// One vCPU; the list has null for one that could not be read. `symbol` is left out in user space, the user's
/// page tables where the kernel does not keep them apart.
template <>
inline constexpr auto kSnapshotFields<VcpuRegisters> =
    Fields("instruction_pointer", &VcpuRegisters::instruction_pointer, "symbol", &VcpuRegisters::symbol,
           "stack_pointer", &VcpuRegisters::stack_pointer, "page_table_root", &VcpuRegisters::page_table_root,
           "user_page_table_root", &VcpuRegisters::user_page_table_root);

/// Keys and values with a type are RenderedValues, bytes alone are hex. The hex form of a key is
/// there also where the key has a type.
template <>
inline constexpr auto kSnapshotFields<MapEntry> = Fields("key", &MapEntry::key, "key_hex", &MapEntry::key_hex,
                                                         "value", &MapEntry::value, "value_hex",
                                                         &MapEntry::value_hex);

/// `per_cpu` has null for a CPU whose page is not mapped.
template <>
inline constexpr auto kSnapshotFields<PerCpuEntry> = Fields("key", &PerCpuEntry::key, "per_cpu",
                                                            &PerCpuEntry::per_cpu);

/// As MapEntry and PerCpuEntry. The keys are those of the hash at the pause; one that was being added on
/// another CPU may be missing.
template <>
inline constexpr auto kSnapshotFields<PerCpuHashEntry> = Fields("key", &PerCpuHashEntry::key, "key_hex",
                                                                &PerCpuHashEntry::key_hex, "per_cpu",
                                                                &PerCpuHashEntry::per_cpu);

/// Pages without contents are left out of the list. `offset` is in bytes from the
/// arena's begin, a multiple of 4096.
template <>
inline constexpr auto kSnapshotFields<ArenaPages::Page> = Fields("offset", &ArenaPages::Page::offset, "hex",
                                                                 &ArenaPages::Page::hex);

/// `pages` may be fewer than `pages_mapped`: the record is `truncated` then.
template <>
inline constexpr auto kSnapshotFields<ArenaPages> = Fields("user_vm_start", &ArenaPages::user_vm_start,
                                                           "pages_mapped", &ArenaPages::pages_mapped, "pages",
                                                           &ArenaPages::pages);

/// Positions in bytes since the map was made; they do not wrap at `capacity`. `pending_pos` is absent on
/// kernels before 6.10.
template <>
inline constexpr auto kSnapshotFields<RingbufState> = Fields("capacity", &RingbufState::capacity,
                                                             "consumer_pos", &RingbufState::consumer_pos,
                                                             "producer_pos", &RingbufState::producer_pos,
                                                             "pending_pos", &RingbufState::pending_pos,
                                                             "pending_bytes", &RingbufState::pending_bytes);

/// `symbols` goes with `pcs`, one each: "" where no symbol of the kernel covers the address.
template <>
inline constexpr auto kSnapshotFields<StackTraces::Bucket> = Fields("id", &StackTraces::Bucket::id, "pcs",
                                                                    &StackTraces::Bucket::pcs, "symbols",
                                                                    &StackTraces::Bucket::symbols);

/// Only the buckets in use, by id, which is what BPF programs store.
template <>
inline constexpr auto kSnapshotFields<StackTraces> = Fields("buckets", &StackTraces::buckets);

/// Which slots of a map of maps or programs are in use. What is in them is not followed: maps and programs
/// have records of their own.
template <>
inline constexpr auto kSnapshotFields<FdArray> = Fields("slots_scanned", &FdArray::slots_scanned, "indices",
                                                        &FdArray::indices);

/// Of value, entries, percpu_entries, percpu_hash_entries, arena, ringbuf, stack_trace and fd_array the one
/// that is there; it stays when it is empty. `error` says why none of them is there, or what a part of it
/// lacks; sizes are in bytes.
template <>
inline constexpr auto kSnapshotFields<MapRecord> =
    Fields("name", &MapRecord::name, "map_kva", &MapRecord::map_kva, "id", &MapRecord::id, "map_type",
           &MapRecord::map_type, "type_name", &MapRecord::type_name, "key_size", &MapRecord::key_size,
           "value_size", &MapRecord::value_size, "max_entries", &MapRecord::max_entries, "value",
           &MapRecord::value, "entries", &MapRecord::entries, "percpu_entries", &MapRecord::percpu_entries,
           "percpu_hash_entries", &MapRecord::percpu_hash_entries, "arena", &MapRecord::arena, "ringbuf",
           &MapRecord::ringbuf, "stack_trace", &MapRecord::stack_trace, "fd_array", &MapRecord::fd_array,
           "truncated", &MapRecord::truncated, "error", &MapRecord::error);

/// Sums over all CPUs. Only `misses` is counted always; the others are 0 unless kernel.bpf_stats_enabled was
/// set in the guest.
template <>
inline constexpr auto kSnapshotFields<ProgStats> = Fields("name", &ProgStats::name, "id", &ProgStats::id,
                                                          "type", &ProgStats::type, "cnt", &ProgStats::cnt,
                                                          "nsecs", &ProgStats::nsecs, "misses",
                                                          &ProgStats::misses);

/// Times in ns since boot; `softirqs` are counts by the kernel's number of the softirq. `iowait_sleeptime_ns`
/// is absent where the kernel does not keep it.
template <>
inline constexpr auto kSnapshotFields<PerCpuTime> = Fields(
    "cpu", &PerCpuTime::cpu, "user", &PerCpuTime::user, "nice", &PerCpuTime::nice, "system",
    &PerCpuTime::system, "softirq", &PerCpuTime::softirq, "irq", &PerCpuTime::irq, "idle", &PerCpuTime::idle,
    "iowait", &PerCpuTime::iowait, "steal", &PerCpuTime::steal, "softirqs", &PerCpuTime::softirqs, "irqs_sum",
    &PerCpuTime::irqs_sum, "iowait_sleeptime_ns", &PerCpuTime::iowait_sleeptime_ns);

/// `curr_pid` is absent when the task could not be read, and 0 when the CPU idles. `clock` is in ns, and is
/// not advanced while a CPU idles.
template <>
inline constexpr auto kSnapshotFields<RunQueue> =
    Fields("cpu", &RunQueue::cpu, "nr_running", &RunQueue::nr_running, "nr_switches", &RunQueue::nr_switches,
           "clock", &RunQueue::clock, "min_vruntime", &RunQueue::min_vruntime, "cfs_nr_running",
           &RunQueue::cfs_nr_running, "curr_pid", &RunQueue::curr_pid, "curr_comm", &RunQueue::curr_comm);

/// Optional members are absent where the kernel has none. Times are in ns, `start_time_ns` is since boot;
/// `state` is the kernel's bit mask, 0 when runnable.
template <>
inline constexpr auto kSnapshotFields<TaskRecord> =
    Fields("pid", &TaskRecord::pid, "tgid", &TaskRecord::tgid, "comm", &TaskRecord::comm, "task_kva",
           &TaskRecord::task_kva, "cpu", &TaskRecord::cpu, "state", &TaskRecord::state, "on_cpu",
           &TaskRecord::on_cpu, "on_rq", &TaskRecord::on_rq, "cpus_allowed", &TaskRecord::cpus_allowed,
           "cgroup", &TaskRecord::cgroup, "group_leader_pid", &TaskRecord::group_leader_pid,
           "real_parent_pid", &TaskRecord::real_parent_pid, "real_parent_comm", &TaskRecord::real_parent_comm,
           "nr_threads", &TaskRecord::nr_threads, "policy", &TaskRecord::policy, "prio", &TaskRecord::prio,
           "static_prio", &TaskRecord::static_prio, "normal_prio", &TaskRecord::normal_prio, "rt_priority",
           &TaskRecord::rt_priority, "sched_class", &TaskRecord::sched_class, "start_time_ns",
           &TaskRecord::start_time_ns, "sum_exec_runtime", &TaskRecord::sum_exec_runtime, "vruntime",
           &TaskRecord::vruntime, "nvcsw", &TaskRecord::nvcsw, "nivcsw", &TaskRecord::nivcsw, "scx_weight",
           &TaskRecord::scx_weight, "scx_dsq_vtime", &TaskRecord::scx_dsq_vtime, "scx_slice",
           &TaskRecord::scx_slice);

/// The scheduler's part of a run queue. `runnable_pids` is in the kernel's order; it is `truncated`
/// when the list was longer than a capture follows, or changed under it.
template <>
inline constexpr auto kSnapshotFields<RqScx> = Fields("cpu", &RqScx::cpu, "nr_running", &RqScx::nr_running,
                                                      "flags", &RqScx::flags, "cpu_released",
                                                      &RqScx::cpu_released, "ops_qseq", &RqScx::ops_qseq,
                                                      "clock", &RqScx::clock, "curr_pid", &RqScx::curr_pid,
                                                      "curr_comm", &RqScx::curr_comm, "runnable_pids",
                                                      &RqScx::runnable_pids, "truncated", &RqScx::truncated);

/// `pids` in the order of the queue. `origin` says whose queue it is; `nr` is the kernel's own count, which
/// `pids` does not reach when `truncated`.
template <>
inline constexpr auto kSnapshotFields<DsqState> = Fields("id", &DsqState::id, "origin", &DsqState::origin,
                                                         "nr", &DsqState::nr, "seq", &DsqState::seq, "pids",
                                                         &DsqState::pids, "truncated", &DsqState::truncated);

/// `event_counters` is an object from name to sum over CPUs, empty on kernels without them.
/// `watchdog_timeout` is in jiffies.
template <>
inline constexpr auto kSnapshotFields<ScxSched> =
    Fields("ops", &ScxSched::ops, "state", &ScxSched::state, "aborting", &ScxSched::aborting, "bypass_depth",
           &ScxSched::bypass_depth, "exit_kind", &ScxSched::exit_kind, "exit_kind_name",
           &ScxSched::exit_kind_name, "watchdog_timeout", &ScxSched::watchdog_timeout, "sched_kva",
           &ScxSched::sched_kva, "event_counters", &ScxSched::event_counters);

/// The whole report, a nested object for each part; `schema` is added by ToJson. X_unavailable says why X is
/// empty.
template <>
inline constexpr auto kSnapshotFields<SnapshotReport> =
    Fields("is_placeholder", &SnapshotReport::is_placeholder, "maps", &SnapshotReport::maps,
           "maps_unavailable", &SnapshotReport::maps_unavailable, "vcpu_regs", &SnapshotReport::vcpu_regs,
           "vcpu_regs_unavailable", &SnapshotReport::vcpu_regs_unavailable, "active_obj_name",
           &SnapshotReport::active_obj_name, "active_map_kvas", &SnapshotReport::active_map_kvas,
           "prog_runtime_stats", &SnapshotReport::prog_runtime_stats, "prog_runtime_stats_unavailable",
           &SnapshotReport::prog_runtime_stats_unavailable, "per_cpu_time", &SnapshotReport::per_cpu_time,
           "per_cpu_time_unavailable", &SnapshotReport::per_cpu_time_unavailable, "per_node_numa_unavailable",
           &SnapshotReport::per_node_numa_unavailable, "run_queues", &SnapshotReport::run_queues,
           "run_queues_unavailable", &SnapshotReport::run_queues_unavailable, "tasks", &SnapshotReport::tasks,
           "tasks_truncated", &SnapshotReport::tasks_truncated, "tasks_unavailable",
           &SnapshotReport::tasks_unavailable, "rq_scx_states", &SnapshotReport::rq_scx_states, "dsq_states",
           &SnapshotReport::dsq_states, "scx_sched_state", &SnapshotReport::scx_sched_state,
           "scx_walker_unavailable", &SnapshotReport::scx_walker_unavailable, "dump_truncated_at_us",
           &SnapshotReport::dump_truncated_at_us, "guest_ns", &SnapshotReport::guest_ns, "paused_ms",
           &SnapshotReport::paused_ms);

/// Calls `use` with the SnapshotField of each member of S, in declared order.
template <typename S, typename F>
void ForEachSnapshotField(F&& use) {
  std::apply([&](const auto&... field) { (use(field), ...); }, kSnapshotFields<S>);
}

template <typename S>
concept IsSnapshotStruct = std::tuple_size_v<std::remove_const_t<decltype(kSnapshotFields<S>)>>
!= 0;

}  // namespace ktstr::vmm
