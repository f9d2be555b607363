// Which members of a report stand under which key of its JSON form: the one list from which writing, reading
// and addressing by path follow. For the source files of snapshot reports only.
#pragma once

#include <optional>
#include <tuple>
#include <type_traits>

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

/// Whether a member may be missing.
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

/// SnapshotFields<S>::kAll is the table of S, in the order of its members (a test holds them together); a
/// type that has none is no struct of a report.
template <typename S>
struct SnapshotFields {};

/// One vCPU; the list has null for one that could not be read. Addresses are numbers, `page_table_root` is
/// CR3 as it is, `symbol` is "default_idle+0xb" and absent in user space. `user_page_table_root` may be
/// absent.
template <>
struct SnapshotFields<VcpuRegisters> {
  using S = VcpuRegisters;
  static constexpr auto kAll = Fields("instruction_pointer", &S::instruction_pointer, "symbol", &S::symbol,
                                      "stack_pointer", &S::stack_pointer, "page_table_root",
                                      &S::page_table_root, "user_page_table_root", &S::user_page_table_root);
};

/// Keys and values with a type are RenderedValues, bytes alone are hex. Without BTF of the map `key` and
/// `value` are absent, and the hex is all there is. The key of a local storage is its owner.
template <>
struct SnapshotFields<MapEntry> {
  using S = MapEntry;
  static constexpr auto kAll =
      Fields("key", &S::key, "key_hex", &S::key_hex, "value", &S::value, "value_hex", &S::value_hex);
};

/// `key` is the index in a per-CPU array, `per_cpu` has the value of each CPU by its number, and null for a
/// CPU whose page is not mapped.
template <>
struct SnapshotFields<PerCpuEntry> {
  using S = PerCpuEntry;
  static constexpr auto kAll = Fields("key", &S::key, "per_cpu", &S::per_cpu);
};

/// As MapEntry and PerCpuEntry.
template <>
struct SnapshotFields<PerCpuHashEntry> {
  using S = PerCpuHashEntry;
  static constexpr auto kAll = Fields("key", &S::key, "key_hex", &S::key_hex, "per_cpu", &S::per_cpu);
};

/// Pages without contents are left out of the list. `offset` is in bytes from the start of the arena, `hex`
/// the whole page.
template <>
struct SnapshotFields<ArenaPages::Page> {
  using S = ArenaPages::Page;
  static constexpr auto kAll = Fields("offset", &S::offset, "hex", &S::hex);
};

/// `pages` may be fewer than `pages_mapped`, which counts all. `user_vm_start` is the address at which the
/// programs see the arena.
template <>
struct SnapshotFields<ArenaPages> {
  using S = ArenaPages;
  static constexpr auto kAll =
      Fields("user_vm_start", &S::user_vm_start, "pages_mapped", &S::pages_mapped, "pages", &S::pages);
};

/// Positions in bytes since the map was made; `capacity` and `pending_bytes` (producer less consumer) are
/// bytes too. `pending_pos` is absent before Linux 6.10.
template <>
struct SnapshotFields<RingbufState> {
  using S = RingbufState;
  static constexpr auto kAll =
      Fields("capacity", &S::capacity, "consumer_pos", &S::consumer_pos, "producer_pos", &S::producer_pos,
             "pending_pos", &S::pending_pos, "pending_bytes", &S::pending_bytes);
};

/// `symbols` goes with `pcs`, one each: of kernel addresses, and "" for others. `id` is what programs know
/// the trace by.
template <>
struct SnapshotFields<StackTraces::Bucket> {
  using S = StackTraces::Bucket;
  static constexpr auto kAll = Fields("id", &S::id, "pcs", &S::pcs, "symbols", &S::symbols);
};

/// Only the buckets in use.
template <>
struct SnapshotFields<StackTraces> {
  using S = StackTraces;
  static constexpr auto kAll = Fields("buckets", &S::buckets);
};

/// Which slots of a map of maps or programs are in use: `indices` has no more than
/// CaptureLimits::kFdIndices of them, `slots_scanned` says how many were looked at.
template <>
struct SnapshotFields<FdArray> {
  using S = FdArray;
  static constexpr auto kAll = Fields("slots_scanned", &S::slots_scanned, "indices", &S::indices);
};

/// Of value, entries, percpu_entries, percpu_hash_entries, arena, ringbuf, stack_trace and fd_array the one
/// that is there; it stays when it is empty. With none of them `error` says why; with one and `error` the
/// contents are incomplete. `truncated`: a limit or an unreadable page cut them. `name` has at most 15
/// characters, `map_kva` means something within one run only.
template <>
struct SnapshotFields<MapRecord> {
  using S = MapRecord;
  static constexpr auto kAll = Fields(
      "name", &S::name, "map_kva", &S::map_kva, "id", &S::id, "map_type", &S::map_type, "type_name",
      &S::type_name, "key_size", &S::key_size, "value_size", &S::value_size, "max_entries", &S::max_entries,
      "value", &S::value, "entries", &S::entries, "percpu_entries", &S::percpu_entries, "percpu_hash_entries",
      &S::percpu_hash_entries, "arena", &S::arena, "ringbuf", &S::ringbuf, "stack_trace", &S::stack_trace,
      "fd_array", &S::fd_array, "truncated", &S::truncated, "error", &S::error);
};

/// Sums over all CPUs; `nsecs` is 0 unless the guest has kernel.bpf_stats_enabled. `name` is the kernel's, of
/// at most 15 characters, `function` the whole one (absent where the program has no BTF), `verified_insns`
/// the instructions that the verifier processed when it was loaded (absent before Linux 5.16).
template <>
struct SnapshotFields<ProgStats> {
  using S = ProgStats;
  static constexpr auto kAll =
      Fields("name", &S::name, "id", &S::id, "type", &S::type, "cnt", &S::cnt, "nsecs", &S::nsecs, "misses",
             &S::misses, "function", &S::function, "verified_insns", &S::verified_insns);
};

/// Times in ns since boot; `softirqs` are counts by number, `irqs_sum` counts interrupts.
/// `iowait_sleeptime_ns` is absent where the kernel does not keep it.
template <>
struct SnapshotFields<PerCpuTime> {
  using S = PerCpuTime;
  static constexpr auto kAll =
      Fields("cpu", &S::cpu, "user", &S::user, "nice", &S::nice, "system", &S::system, "softirq", &S::softirq,
             "irq", &S::irq, "idle", &S::idle, "iowait", &S::iowait, "steal", &S::steal, "softirqs",
             &S::softirqs, "irqs_sum", &S::irqs_sum, "iowait_sleeptime_ns", &S::iowait_sleeptime_ns);
};

/// `curr_pid` is 0 when the CPU idles, and absent when the task could not be read. `clock` is in ns,
/// `min_vruntime` of the root queue of the fair class. `nr_running` counts tasks of all classes, and
/// `cfs_nr_running` those of the fair class.
template <>
struct SnapshotFields<RunQueue> {
  using S = RunQueue;
  static constexpr auto kAll =
      Fields("cpu", &S::cpu, "nr_running", &S::nr_running, "nr_switches", &S::nr_switches, "clock", &S::clock,
             "min_vruntime", &S::min_vruntime, "cfs_nr_running", &S::cfs_nr_running, "curr_pid", &S::curr_pid,
             "curr_comm", &S::curr_comm);
};

/// Optional members are absent where the kernel has none. `state` is the kernel's __state, `cpus_allowed` a
/// CPU list, `cgroup` relative to the root and absent when unreadable. `start_time_ns` is CLOCK_MONOTONIC,
/// `sum_exec_runtime` ns. `sched_class` is a name ("fair", "ext"), absent when unknown. `nvcsw` and
/// `nivcsw` count voluntary and involuntary context switches.
template <>
struct SnapshotFields<TaskRecord> {
  using S = TaskRecord;
  static constexpr auto kAll = Fields(
      "pid", &S::pid, "tgid", &S::tgid, "comm", &S::comm, "task_kva", &S::task_kva, "cpu", &S::cpu, "state",
      &S::state, "on_cpu", &S::on_cpu, "on_rq", &S::on_rq, "cpus_allowed", &S::cpus_allowed, "cgroup",
      &S::cgroup, "group_leader_pid", &S::group_leader_pid, "real_parent_pid", &S::real_parent_pid,
      "real_parent_comm", &S::real_parent_comm, "nr_threads", &S::nr_threads, "policy", &S::policy, "prio",
      &S::prio, "static_prio", &S::static_prio, "normal_prio", &S::normal_prio, "rt_priority",
      &S::rt_priority, "sched_class", &S::sched_class, "start_time_ns", &S::start_time_ns, "sum_exec_runtime",
      &S::sum_exec_runtime, "vruntime", &S::vruntime, "nvcsw", &S::nvcsw, "nivcsw", &S::nivcsw, "scx_weight",
      &S::scx_weight, "scx_dsq_vtime", &S::scx_dsq_vtime, "scx_slice", &S::scx_slice);
};

/// sched_ext's part of a run queue; what an older kernel has not is absent. `truncated`: there are more
/// `runnable_pids` than were taken.
template <>
struct SnapshotFields<RqScx> {
  using S = RqScx;
  static constexpr auto kAll =
      Fields("cpu", &S::cpu, "nr_running", &S::nr_running, "flags", &S::flags, "cpu_released",
             &S::cpu_released, "ops_qseq", &S::ops_qseq, "clock", &S::clock, "curr_pid", &S::curr_pid,
             "curr_comm", &S::curr_comm, "runnable_pids", &S::runnable_pids, "truncated", &S::truncated);
};

/// `pids` in the order of the queue; with `truncated` not all. `origin` is "local cpu 0", "bypass cpu 0",
/// "global node 0" or "user".
template <>
struct SnapshotFields<DsqState> {
  using S = DsqState;
  static constexpr auto kAll = Fields("id", &S::id, "origin", &S::origin, "nr", &S::nr, "seq", &S::seq,
                                      "pids", &S::pids, "truncated", &S::truncated);
};

/// `event_counters` is an object from name to sum over CPUs, absent on older kernels. `watchdog_timeout` is
/// in jiffies, `ops` is the scheduler's name, and `exit_kind_name` says `exit_kind` in words.
template <>
struct SnapshotFields<ScxSched> {
  using S = ScxSched;
  static constexpr auto kAll =
      Fields("ops", &S::ops, "state", &S::state, "aborting", &S::aborting, "bypass_depth", &S::bypass_depth,
             "exit_kind", &S::exit_kind, "exit_kind_name", &S::exit_kind_name, "watchdog_timeout",
             &S::watchdog_timeout, "sched_kva", &S::sched_kva, "event_counters", &S::event_counters);
};

/// The whole report, a nested object for each part; `schema` is added by ToJson. X_unavailable says why X is
/// empty. `guest_ns` is the guest's CLOCK_MONOTONIC at the pause (0: unknown), `paused_ms` host time.
/// `dump_truncated_at_us` is there when the capture's time limit passed: later parts are then missing.
/// `active_obj_name` is the BPF object of the running struct_ops scheduler (absent: there is none), and
/// `active_map_kvas` are the maps that its programs use, by MapRecord::map_kva.
template <>
struct SnapshotFields<SnapshotReport> {
  using S = SnapshotReport;
  static constexpr auto kAll = Fields(
      "is_placeholder", &S::is_placeholder, "maps", &S::maps, "maps_unavailable", &S::maps_unavailable,
      "vcpu_regs", &S::vcpu_regs, "vcpu_regs_unavailable", &S::vcpu_regs_unavailable, "active_obj_name",
      &S::active_obj_name, "active_map_kvas", &S::active_map_kvas, "prog_runtime_stats",
      &S::prog_runtime_stats, "prog_runtime_stats_unavailable", &S::prog_runtime_stats_unavailable,
      "per_cpu_time", &S::per_cpu_time, "per_cpu_time_unavailable", &S::per_cpu_time_unavailable,
      "per_node_numa_unavailable", &S::per_node_numa_unavailable, "run_queues", &S::run_queues,
      "run_queues_unavailable", &S::run_queues_unavailable, "tasks", &S::tasks, "tasks_truncated",
      &S::tasks_truncated, "tasks_unavailable", &S::tasks_unavailable, "rq_scx_states", &S::rq_scx_states,
      "dsq_states", &S::dsq_states, "scx_sched_state", &S::scx_sched_state, "scx_walker_unavailable",
      &S::scx_walker_unavailable, "dump_truncated_at_us", &S::dump_truncated_at_us, "guest_ns", &S::guest_ns,
      "paused_ms", &S::paused_ms);
};

/// Calls `use` with the SnapshotField of each member of S, in declared order: that is the order of everything
/// that is made from a table.
template <typename S, typename F>
void ForEachSnapshotField(F&& use) {
  std::apply([&](const auto&... field) { (use(field), ...); }, SnapshotFields<S>::kAll);
}

/// Whether S has a table, so that it is written as an object.
template <typename S>
concept IsSnapshotStruct = requires {
  SnapshotFields<S>::kAll;
};

}  // namespace ktstr::vmm
