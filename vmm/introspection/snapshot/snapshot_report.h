// What one capture saw of the guest: registers, run queues, tasks, BPF maps and programs, sched_ext. Whatever
// could not be read says why; what was cut says so. JSON keys are the members' names unless noted at ToJson.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/introspection/types/rendered_value.h"

namespace ktstr::vmm {

/// The bounds of one capture: lists that are longer are cut, and say so.
struct CaptureLimits {
  static constexpr std::size_t kMapEntries = 4096;
  static constexpr std::size_t kPerCpuKeys = 256;
  static constexpr std::size_t kTasks = 4096;
  static constexpr std::size_t kListNodes = 65'536;
  static constexpr std::size_t kFdSlots = 4096;
  static constexpr std::size_t kFdIndices = 1024;
  static constexpr std::size_t kStackBuckets = 16'384;
  static constexpr std::size_t kStackPcs = 128;
  static constexpr std::size_t kArenaPages = 1024;
};

/// Reasons for what is unavailable; stable texts.
inline constexpr const char* kNoStructOps = "no struct_ops programs loaded";
inline constexpr const char* kNoProgAccessor = "prog accessor unavailable";
inline constexpr const char* kNoTaskWalker = "no task walker available";
inline constexpr const char* kZeroTasks = "task walker yielded zero tasks";
inline constexpr const char* kScxRootNull = "scx_root is NULL (no scheduler attached)";
inline constexpr const char* kScxNoState = "scx walker reached no state";
inline constexpr const char* kNoScxWalker = "no scx walker capture";

/// Of one vCPU, at the pause; addresses are runtime ones.
struct VcpuRegisters {
  std::uint64_t instruction_pointer = 0;
  std::string symbol;  // "default_idle+0xb"; empty in user space
  std::uint64_t stack_pointer = 0;
  std::uint64_t page_table_root = 0;  // CR3, raw
  std::optional<std::uint64_t> user_page_table_root;
};

/// An element of an array, a hash or a local storage, whose key is the owner.
struct MapEntry {
  std::optional<RenderedValue> key;  // none: the map has no BTF
  std::string key_hex;
  std::optional<RenderedValue> value;
  std::string value_hex;
};
/// One key of a per-CPU map; per_cpu[i] is CPU i's value, none where its page is not mapped.
struct PerCpuEntry {
  std::uint32_t key = 0;
  std::vector<std::optional<RenderedValue>> per_cpu;
};
struct PerCpuHashEntry {
  std::optional<RenderedValue> key;
  std::string key_hex;
  std::vector<std::optional<RenderedValue>> per_cpu;
};
struct ArenaPages {
  std::uint64_t user_vm_start = 0;
  std::uint64_t pages_mapped = 0;
  struct Page {
    std::uint64_t offset = 0;  // in the arena
    std::string hex;
  };
  std::vector<Page> pages;
};
struct RingbufState {
  std::uint64_t capacity = 0;  // bytes
  std::uint64_t consumer_pos = 0;
  std::uint64_t producer_pos = 0;
  std::optional<std::uint64_t> pending_pos;  // kernels from 6.10
  std::uint64_t pending_bytes = 0;           // producer - consumer
};
struct StackTraces {
  struct Bucket {
    std::uint32_t id = 0;
    std::vector<std::uint64_t> pcs;
    std::vector<std::string> symbols;  // of kernel PCs; "" for others
  };
  std::vector<Bucket> buckets;
};
struct FdArray {
  std::uint64_t slots_scanned = 0;
  std::vector<std::uint32_t> indices;  // of the slots in use
};

/// One BPF map. Exactly one of the contents is set, or `error` says why none is; both when it could only be
/// read in part.
struct MapRecord {
  std::string name;           // <= 15 characters
  std::uint64_t map_kva = 0;  // identity within this run only
  std::uint32_t id = 0;       // the kernel's map id
  std::uint32_t map_type = 0;
  std::string type_name;  // "hash", "array", ...
  std::uint32_t key_size = 0;
  std::uint32_t value_size = 0;
  std::uint32_t max_entries = 0;
  std::optional<RenderedValue> value;            // single-entry arrays and global sections, struct_ops
  std::optional<std::vector<MapEntry>> entries;  // arrays, hashes, local storage
  std::optional<std::vector<PerCpuEntry>> percpu_entries;
  std::optional<std::vector<PerCpuHashEntry>> percpu_hash_entries;
  std::optional<ArenaPages> arena;
  std::optional<RingbufState> ringbuf;
  std::optional<StackTraces> stack_trace;
  std::optional<FdArray> fd_array;
  bool truncated = false;  // a limit or an unreadable page cut the contents
  std::string error;
};

/// A BPF program and what running it took, summed over CPUs.
struct ProgStats {
  std::string name;
  std::uint32_t id = 0;
  std::string type;  // "struct_ops", "tracing", ...
  std::uint64_t cnt = 0;
  std::uint64_t nsecs = 0;  // 0 unless kernel.bpf_stats_enabled
  std::uint64_t misses = 0;
  std::string function;                         // the whole name that `name` begins; empty: unknown
  std::optional<std::uint64_t> verified_insns;  // that the verifier processed; none on kernels before 5.16
};

struct PerCpuTime {
  std::uint32_t cpu = 0;
  std::uint64_t user = 0, nice = 0, system = 0, softirq = 0, irq = 0, idle = 0, iowait = 0, steal = 0;  // ns
  std::vector<std::uint64_t> softirqs;  // counts by number
  std::uint64_t irqs_sum = 0;
  std::optional<std::uint64_t> iowait_sleeptime_ns;
};

/// A CPU's run queue. `curr_pid` is 0 when the CPU idles, none when the task could not be read.
struct RunQueue {
  std::uint32_t cpu = 0;
  std::uint32_t nr_running = 0;
  std::uint64_t nr_switches = 0;
  std::uint64_t clock = 0;         // rq->clock, ns
  std::uint64_t min_vruntime = 0;  // of the root cfs_rq
  std::uint32_t cfs_nr_running = 0;
  std::optional<std::int32_t> curr_pid;
  std::string curr_comm;
};

struct TaskRecord {
  std::int32_t pid = 0;
  std::int32_t tgid = 0;
  std::string comm;
  std::uint64_t task_kva = 0;
  std::uint32_t cpu = 0;
  std::uint32_t state = 0;  // __state
  bool on_cpu = false;
  bool on_rq = false;
  std::string cpus_allowed;  // "0-2,5"
  std::string cgroup;        // relative to the root, "/ktstr/hot"; empty when unreadable
  std::optional<std::int32_t> group_leader_pid, real_parent_pid;
  std::string real_parent_comm;
  std::optional<std::uint32_t> nr_threads;
  std::uint32_t policy = 0;
  std::int32_t prio = 0, static_prio = 0, normal_prio = 0;
  std::uint32_t rt_priority = 0;
  std::string sched_class;             // "fair", "rt", "dl", "idle", "stop", "ext"; empty: unknown
  std::uint64_t start_time_ns = 0;     // since boot (CLOCK_MONOTONIC)
  std::uint64_t sum_exec_runtime = 0;  // ns
  std::uint64_t vruntime = 0;
  std::uint64_t nvcsw = 0, nivcsw = 0;
  std::optional<std::uint32_t> scx_weight;
  std::optional<std::uint64_t> scx_dsq_vtime, scx_slice;
};

struct RqScx {
  std::uint32_t cpu = 0;
  std::uint32_t nr_running = 0;
  std::uint32_t flags = 0;
  std::optional<bool> cpu_released;
  std::optional<std::uint64_t> ops_qseq;
  std::optional<std::uint64_t> clock;
  std::optional<std::int32_t> curr_pid;
  std::string curr_comm;
  std::vector<std::int32_t> runnable_pids;
  bool truncated = false;
};
struct DsqState {
  std::uint64_t id = 0;
  std::string origin;  // "local cpu 0", "bypass cpu 0", "global node 0", "user"
  std::uint32_t nr = 0;
  std::uint64_t seq = 0;
  std::vector<std::int32_t> pids;
  bool truncated = false;
};
struct ScxSched {
  std::string ops;    // the scheduler's name
  std::string state;  // "enabled", ...
  bool aborting = false;
  std::int32_t bypass_depth = 0;
  std::int64_t exit_kind = 0;
  std::string exit_kind_name;
  std::optional<std::uint64_t> watchdog_timeout;  // jiffies
  std::optional<std::uint64_t> sched_kva;
  std::vector<std::pair<std::string, std::int64_t>>
      event_counters;  // summed over CPUs; empty on older kernels
};

/// schema "single". A placeholder stands for a capture that was attempted and failed: its reason is in every
/// *_unavailable, and it never counts as data.
struct SnapshotReport {
  bool is_placeholder = false;
  std::vector<MapRecord> maps;
  std::string maps_unavailable;
  std::vector<std::optional<VcpuRegisters>> vcpu_regs;  // by vCPU; none: could not be read
  std::string vcpu_regs_unavailable;
  std::string active_obj_name;                 // the object of the running struct_ops scheduler; empty: none
  std::vector<std::uint64_t> active_map_kvas;  // the maps its programs use
  std::vector<ProgStats> prog_runtime_stats;
  std::string prog_runtime_stats_unavailable;
  std::vector<PerCpuTime> per_cpu_time;
  std::string per_cpu_time_unavailable;
  std::string per_node_numa_unavailable;
  std::vector<RunQueue> run_queues;
  std::string run_queues_unavailable;
  std::vector<TaskRecord> tasks;
  bool tasks_truncated = false;
  std::string tasks_unavailable;
  std::vector<RqScx> rq_scx_states;
  std::vector<DsqState> dsq_states;
  std::optional<ScxSched> scx_sched_state;
  std::string scx_walker_unavailable;
  std::optional<std::uint64_t>
      dump_truncated_at_us;    // the capture's time limit passed; later parts are missing
  std::uint64_t guest_ns = 0;  // the guest's CLOCK_MONOTONIC at the pause; 0 unknown
  double paused_ms = 0;        // how long the guest was paused for it, host time
};

/// An empty report that stands for a failed capture.
SnapshotReport MakePlaceholder(const std::string& reason);

/// {"schema":"single", ...}; empty strings, empty lists and unset optionals are left out, addresses are
/// numbers.
nlohmann::json ToJson(const SnapshotReport& report);
/// Errors (kInput): "a snapshot without 'schema'", "unknown snapshot schema 'x'", a member of the wrong type
/// with its JSON path.
Result<SnapshotReport> ReportFromJson(const nlohmann::json& json);

}  // namespace ktstr::vmm
