// Where everything that a capture reads is in one kernel's structs and globals: asked of its BTF and symbols
// once, so that a capture of a paused guest only adds offsets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vmm/introspection/memory/kernel_memory.h"

namespace ktstr::vmm {

/// A member in its struct, no pointers between. False: this kernel's struct has no such member.
struct Field {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;  // bytes; 0 of the flexible arrays at the end of structs
  bool is_signed = false;
  bool present = false;
  explicit operator bool() const { return present; }
};

/// The value of a member of at most 8 bytes in a copy of its struct, sign-extended if signed; nullopt where
/// the member is absent, longer, or beyond what was copied.
std::optional<std::uint64_t> Get(std::span<const std::byte> copy, const Field& field);

/// What is known of one struct. The members below are required ones unless said otherwise; if the kernel
/// lacks one, `missing` says so and nothing of the struct is read.
struct StructLayout {
  std::uint32_t size = 0;    // of the whole type
  std::uint32_t extent = 0;  // how many bytes from the start hold all of these members
  std::string missing;
  [[nodiscard]] bool ok() const { return missing.empty(); }
};

/// struct idr: the table of ids in which the kernel has its maps, and another one its programs.
struct IdrLayout : StructLayout {
  Field head;  // xarray.xa_head
};
/// struct xa_node: an inner node of that table.
struct XaNodeLayout : StructLayout {
  Field shift, slots;
};
/// What all BPF maps begin with.
struct MapLayout : StructLayout {
  Field type, key_size, value_size, max_entries, flags, id, key_type, value_type, vmlinux_value_type, btf,
      name;
};
/// struct btf: the type information of a map or program; `base_btf` is the kernel's where it builds on it.
struct BtfLayout : StructLayout {
  Field data, data_size, id, kernel_btf, base_btf;
};
/// struct bpf_array: elements lie one after the other from `value` on.
struct ArrayLayout : StructLayout {
  Field value;
};
/// struct bpf_htab, its buckets, and what is chained in them: `key`, then the value at the next multiple of
/// 8 bytes.
struct HtabLayout : StructLayout {
  Field buckets, n_buckets;
};
struct BucketLayout : StructLayout {
  Field first;
};
struct HtabElemLayout : StructLayout {
  Field next, key;
};
/// Local storage: a map has buckets of elements (selem), each of which belongs to an owner's storage.
struct LocalStorageMapLayout : StructLayout {
  Field buckets, bucket_log;
};
struct SelemLayout : StructLayout {
  Field next, storage, data;
};
struct LocalStorageLayout : StructLayout {
  Field owner;
};
/// struct bpf_struct_ops_map: the copy of the kernel's struct that a scheduler registered.
struct StructOpsMapLayout : StructLayout {
  Field kvalue, kvalue_data;
  Field links, funcs_cnt, btf;  // optional
};
/// struct bpf_link: from a member of that struct to the program behind it.
struct LinkLayout : StructLayout {
  Field prog;
};
/// struct bpf_ringbuf_map and the struct bpf_ringbuf behind it. Positions grow without bound; `mask` is the
/// size less one.
struct RingbufMapLayout : StructLayout {
  Field rb;
};
struct RingbufLayout : StructLayout {
  Field mask, consumer_pos, producer_pos;
  Field pending_pos;  // optional: from 6.10 on
};
/// struct bpf_stack_map, and one trace of it: `nr` program counters at `data`.
struct StackMapLayout : StructLayout {
  Field n_buckets, buckets;
};
struct StackBucketLayout : StructLayout {
  Field nr, data;
};
/// struct bpf_arena, and the struct vm_struct that says where the kernel sees its pages.
struct ArenaLayout : StructLayout {
  Field user_vm_start, kern_vm;
};
struct VmStructLayout : StructLayout {
  Field addr, size;
};
/// struct lpm_trie, and a node of it; inner nodes without a value have a flag.
struct TrieLayout : StructLayout {
  Field root, data_size;
};
struct TrieNodeLayout : StructLayout {
  Field child, prefixlen, flags, data;
};
/// struct bpf_queue_stack: a ring of elements of which one stays empty.
struct QueueLayout : StructLayout {
  Field head, tail, entries, elements;
};
/// A BPF program: the part that runs, the rest, and what running it took on one CPU.
struct ProgLayout : StructLayout {
  Field type, stats, aux;
};
struct ProgAuxLayout : StructLayout {
  Field id, name, attach_btf_id, used_maps, used_map_cnt;
  Field verified_insns;  // optional: from 5.16 on
  Field btf, func_info;  // optional: they name its function
};
struct ProgStatsLayout : StructLayout {
  Field cnt, nsecs;
  Field misses;  // optional: from 5.12 on
};
/// struct task_struct. Members of nested structs (se.vruntime, scx.slice) are at their offset in the task.
struct TaskLayout : StructLayout {
  Field pid, tgid, comm, tasks, thread_node, signal, group_leader, real_parent, state, policy, prio,
      static_prio, normal_prio, rt_priority, sched_class, cpus_mask, start_time, sum_exec_runtime, vruntime,
      nvcsw, nivcsw, on_rq;
  Field cpu, on_cpu, cgroups, scx_weight, scx_dsq_vtime, scx_slice, scx_runnable_node, scx_dsq_node,
      scx_dsq_flags;  // optional
};
/// struct signal_struct: a process, from which its threads are found.
struct SignalLayout : StructLayout {
  Field nr_threads, thread_head;
};
/// From a task to its cgroup's names.
struct CssSetLayout : StructLayout {
  Field dfl_cgrp;
};
/// struct cgroup.
struct CgroupLayout : StructLayout {
  Field kn;
};
/// struct kernfs_node: a directory of cgroupfs, with its name and its parent.
struct KernfsLayout : StructLayout {
  Field parent, name, id;
};
/// struct inode, the owner of inode storage.
struct InodeLayout : StructLayout {
  Field ino;
};
/// struct rq, one per CPU; `clock` is in ns.
struct RqLayout : StructLayout {
  Field nr_running, nr_switches, clock, curr, cfs_nr_running;
  Field min_vruntime;  // optional: min_vruntime, or zero_vruntime, which took its place
  // Optional, of kernels with sched_ext.
  Field scx_nr_running, scx_flags, scx_cpu_released, scx_ops_qseq, scx_clock, scx_runnable_list,
      scx_local_dsq, scx_bypass_dsq;
};
/// struct scx_dispatch_q.
struct DsqLayout : StructLayout {
  Field list, nr, seq, id, hash_node;
};
/// The table of the dispatch queues that a scheduler made.
struct RhashLayout : StructLayout {
  Field tbl;
};
/// struct bucket_table: the chains of such a table; `future` is not null while it is being resized.
struct BucketTableLayout : StructLayout {
  Field size, nest, future, buckets;
};
struct ScxSchedLayout : StructLayout {  // kernels from 6.16 on; else everything of it is in globals
  Field ops_name, exit_kind;
  Field ops, aborting, bypass_depth, watchdog_timeout, global_dsqs, dsq_hash, event_stats;  // optional
  std::uint32_t events_in_pcpu = 0;  // from 6.18 on the statistics are so far behind that pointer
};
/// struct scx_exit_info: why a scheduler ended.
struct ScxExitInfoLayout : StructLayout {
  Field kind;
};
/// struct kernel_cpustat: times in ns, by enum cpu_usage_stat.
struct CpuTimeLayout : StructLayout {
  Field cpustat;
};
/// struct kernel_stat: counts of interrupts and of softirqs by number.
struct KernelStatLayout : StructLayout {
  Field irqs_sum, softirqs;
};
/// struct tick_sched: what a CPU knows of its idle times, in ns.
struct TickLayout : StructLayout {
  Field iowait_sleeptime;
};
/// The monotonic clock as the timekeeper has it; `xtime_nsec` is in ns, shifted left by `shift`.
struct TimekeeperLayout : StructLayout {
  Field base, xtime_nsec, shift;
  std::uint32_t in_core = 0;  // its offset in tk_core
};

/// Runtime addresses of globals; offsets of per-CPU ones. Empty: the kernel has none of that name.
struct GlobalAddresses {
  std::optional<std::uint64_t> map_idr, prog_idr, init_task, tk_core, nr_node_ids;
  std::optional<std::uint64_t> runqueues, kernel_cpustat, kstat, tick_cpu_sched, event_stats_cpu;  // per CPU
  // sched_ext: `scx_root` from 6.16 on, the others before (or both).
  std::optional<std::uint64_t> scx_root, scx_ops, scx_enable_state, scx_enable_names, scx_exit_kind,
      scx_exit_info, scx_bypass_depth, scx_watchdog_timeout, dsq_hash, global_dsqs;
  /// The sched_class structs: address, "fair".
  std::vector<std::pair<std::uint64_t, std::string>> sched_classes;
};

/// Immutable; any number of threads.
struct KernelLayout {
  /// Takes some tens of milliseconds. What the kernel lacks is marked, never an error. Keep it as long as
  /// `facts` is of the same guest or of its clones.
  static std::shared_ptr<const KernelLayout> Of(const KernelFacts& facts);

  // Each is empty with a reason (`missing`) where this kernel has another struct than is known here.
  GlobalAddresses at;
  IdrLayout idr;
  XaNodeLayout xa_node;
  MapLayout map;
  BtfLayout btf;
  ArrayLayout array;
  HtabLayout htab;
  BucketLayout bucket;
  HtabElemLayout htab_elem;
  LocalStorageMapLayout storage_map;
  BucketLayout storage_bucket;
  SelemLayout selem;
  LocalStorageLayout storage;
  StructOpsMapLayout struct_ops_map;
  LinkLayout link;
  RingbufMapLayout ringbuf_map;
  RingbufLayout ringbuf;
  StackMapLayout stack_map;
  StackBucketLayout stack_bucket;
  ArenaLayout arena;
  VmStructLayout vm_struct;
  TrieLayout trie;
  TrieNodeLayout trie_node;
  QueueLayout queue;
  ProgLayout prog;
  ProgAuxLayout prog_aux;
  ProgStatsLayout prog_stats;
  TaskLayout task;
  SignalLayout signal;
  CssSetLayout css_set;
  CgroupLayout cgroup;
  KernfsLayout kernfs;
  InodeLayout inode;
  RqLayout rq;
  DsqLayout dsq;
  RhashLayout rhashtable;
  BucketTableLayout bucket_table;
  ScxSchedLayout scx_sched;
  ScxExitInfoLayout scx_exit_info;
  CpuTimeLayout cpu_time;
  KernelStatLayout kernel_stat;
  TickLayout tick;
  TimekeeperLayout timekeeper;

  bool has_sched_ext = false;         // by its BTF; says nothing about a scheduler being attached
  std::uint32_t scx_ops_size = 0;     // bytes of struct sched_ext_ops
  Field scx_ops_name;                 // in it
  std::uint32_t scx_ops_type = 0;     // its BTF id; 0: none
  std::uint32_t scx_event_stats = 0;  // the BTF id of struct scx_event_stats; 0: none
};

}  // namespace ktstr::vmm
