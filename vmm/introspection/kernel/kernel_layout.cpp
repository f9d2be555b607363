#include "vmm/introspection/kernel/kernel_layout.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <string_view>

namespace ktstr::vmm {
namespace {

/// Resolves the members of one struct into its layout.
class Members {
 public:
  Members(const Btf& btf, const char* type, StructLayout& layout) : btf_(btf), layout_(layout) {
    auto id = btf.FindType(type);
    if (!id.ok()) {
      layout.missing = id.error().message;
      return;
    }
    type_ = *id;
    layout.size = btf.SizeOf(type_);
  }

  Members& Need(Field& field, std::initializer_list<const char*> names) {
    std::string why;
    if (type_ != 0 && !Find(field, names, why) && layout_.missing.empty()) layout_.missing = std::move(why);
    return *this;
  }
  Members& Need(Field& field, const char* name) { return Need(field, {name}); }
  Members& Maybe(Field& field, std::initializer_list<const char*> names) {
    std::string why;
    if (type_ != 0) Find(field, names, why);
    return *this;
  }
  Members& Maybe(Field& field, const char* name) { return Maybe(field, {name}); }

 private:
  /// The newest name comes first; `why` is about it.
  bool Find(Field& field, std::initializer_list<const char*> names, std::string& why) {
    for (const char* name : names) {
      const auto path = btf_.Path(type_, name);
      if (!path.ok()) {
        if (why.empty()) why = path.error().message;
        continue;
      }
      if (!path->hops.empty() || path->bit_size != 0) continue;
      field = {static_cast<std::uint32_t>(path->offset), path->size, path->is_signed, true};
      layout_.extent = std::max(layout_.extent, field.offset + field.size);
      return true;
    }
    if (why.empty()) why = std::string("member '") + *names.begin() + "' is not where it is known to be";
    return false;
  }

  const Btf& btf_;
  StructLayout& layout_;
  std::uint32_t type_ = 0;
};

void ResolveMapTable(const Btf& btf, KernelLayout& k) {
  Members(btf, "idr", k.idr).Need(k.idr.head, "idr_rt.xa_head");
  Members(btf, "xa_node", k.xa_node).Need(k.xa_node.shift, "shift").Need(k.xa_node.slots, "slots");
  Members(btf, "bpf_map", k.map)
      .Need(k.map.type, "map_type")
      .Need(k.map.key_size, "key_size")
      .Need(k.map.value_size, "value_size")
      .Need(k.map.max_entries, "max_entries")
      .Need(k.map.flags, "map_flags")
      .Need(k.map.id, "id")
      .Need(k.map.key_type, "btf_key_type_id")
      .Need(k.map.value_type, "btf_value_type_id")
      .Need(k.map.vmlinux_value_type, "btf_vmlinux_value_type_id")
      .Need(k.map.btf, "btf")
      .Need(k.map.name, "name");
  Members(btf, "btf", k.btf)
      .Need(k.btf.data, "data")
      .Need(k.btf.data_size, "data_size")
      .Need(k.btf.id, "id")
      .Need(k.btf.kernel_btf, "kernel_btf")
      .Need(k.btf.base_btf, "base_btf");
}

void ResolveKeyedMaps(const Btf& btf, KernelLayout& k) {
  Members(btf, "bpf_array", k.array).Need(k.array.value, "value");
  Members(btf, "bpf_htab", k.htab).Need(k.htab.buckets, "buckets").Need(k.htab.n_buckets, "n_buckets");
  Members(btf, "bucket", k.bucket).Need(k.bucket.first, "head.first");
  Members(btf, "htab_elem", k.htab_elem)
      .Need(k.htab_elem.next, "hash_node.next")
      .Need(k.htab_elem.key, "key");
  Members(btf, "bpf_local_storage_map", k.storage_map)
      .Need(k.storage_map.buckets, "buckets")
      .Need(k.storage_map.bucket_log, "bucket_log");
  Members(btf, "bpf_local_storage_map_bucket", k.storage_bucket).Need(k.storage_bucket.first, "list.first");
  Members(btf, "bpf_local_storage_elem", k.selem)
      .Need(k.selem.next, "map_node.next")
      .Need(k.selem.storage, "local_storage")
      .Need(k.selem.data, "sdata.data");
  Members(btf, "bpf_local_storage", k.storage).Need(k.storage.owner, "owner");
}

void ResolveOtherMaps(const Btf& btf, KernelLayout& k) {
  Members(btf, "bpf_struct_ops_map", k.struct_ops_map)
      .Need(k.struct_ops_map.kvalue, "kvalue")
      .Need(k.struct_ops_map.kvalue_data, "kvalue.data")
      .Maybe(k.struct_ops_map.links, "links")
      .Maybe(k.struct_ops_map.funcs_cnt, "funcs_cnt")
      .Maybe(k.struct_ops_map.btf, "btf");
  Members(btf, "bpf_link", k.link).Need(k.link.prog, "prog");
  Members(btf, "bpf_ringbuf_map", k.ringbuf_map).Need(k.ringbuf_map.rb, "rb");
  Members(btf, "bpf_ringbuf", k.ringbuf)
      .Need(k.ringbuf.mask, "mask")
      .Need(k.ringbuf.consumer_pos, "consumer_pos")
      .Need(k.ringbuf.producer_pos, "producer_pos")
      .Maybe(k.ringbuf.pending_pos, "pending_pos");
  Members(btf, "bpf_stack_map", k.stack_map)
      .Need(k.stack_map.n_buckets, "n_buckets")
      .Need(k.stack_map.buckets, "buckets");
  Members(btf, "stack_map_bucket", k.stack_bucket)
      .Need(k.stack_bucket.nr, "nr")
      .Need(k.stack_bucket.data, "data");
  Members(btf, "bpf_arena", k.arena)
      .Need(k.arena.user_vm_start, "user_vm_start")
      .Need(k.arena.kern_vm, "kern_vm");
  Members(btf, "vm_struct", k.vm_struct).Need(k.vm_struct.addr, "addr").Need(k.vm_struct.size, "size");
  Members(btf, "lpm_trie", k.trie).Need(k.trie.root, "root").Need(k.trie.data_size, "data_size");
  Members(btf, "lpm_trie_node", k.trie_node)
      .Need(k.trie_node.child, "child")
      .Need(k.trie_node.prefixlen, "prefixlen")
      .Need(k.trie_node.flags, "flags")
      .Need(k.trie_node.data, "data");
  Members(btf, "bpf_queue_stack", k.queue)
      .Need(k.queue.head, "head")
      .Need(k.queue.tail, "tail")
      .Need(k.queue.entries, "size")
      .Need(k.queue.elements, "elements");
}

void ResolvePrograms(const Btf& btf, KernelLayout& k) {
  Members(btf, "bpf_prog", k.prog)
      .Need(k.prog.type, "type")
      .Need(k.prog.stats, "stats")
      .Need(k.prog.aux, "aux");
  Members(btf, "bpf_prog_aux", k.prog_aux)
      .Need(k.prog_aux.id, "id")
      .Need(k.prog_aux.name, "name")
      .Need(k.prog_aux.attach_btf_id, "attach_btf_id")
      .Need(k.prog_aux.used_maps, "used_maps")
      .Need(k.prog_aux.used_map_cnt, "used_map_cnt")
      .Maybe(k.prog_aux.verified_insns, "verified_insns")
      .Maybe(k.prog_aux.btf, "btf")
      .Maybe(k.prog_aux.func_info, "func_info");
  Members(btf, "bpf_prog_stats", k.prog_stats)
      .Need(k.prog_stats.cnt, "cnt")
      .Need(k.prog_stats.nsecs, "nsecs")
      .Maybe(k.prog_stats.misses, "misses");
}

void ResolveTasks(const Btf& btf, KernelLayout& k) {
  TaskLayout& t = k.task;
  Members(btf, "task_struct", t)
      .Need(t.pid, "pid")
      .Need(t.tgid, "tgid")
      .Need(t.comm, "comm")
      .Need(t.tasks, "tasks")
      .Need(t.thread_node, "thread_node")
      .Need(t.signal, "signal")
      .Need(t.group_leader, "group_leader")
      .Need(t.real_parent, "real_parent")
      .Need(t.state, {"__state", "state"})
      .Need(t.policy, "policy")
      .Need(t.prio, "prio")
      .Need(t.static_prio, "static_prio")
      .Need(t.normal_prio, "normal_prio")
      .Need(t.rt_priority, "rt_priority")
      .Need(t.sched_class, "sched_class")
      .Need(t.cpus_mask, "cpus_mask")
      .Need(t.start_time, "start_time")
      .Need(t.sum_exec_runtime, "se.sum_exec_runtime")
      .Need(t.vruntime, "se.vruntime")
      .Need(t.nvcsw, "nvcsw")
      .Need(t.nivcsw, "nivcsw")
      .Need(t.on_rq, "on_rq")
      .Maybe(t.cpu, {"thread_info.cpu", "cpu"})
      .Maybe(t.on_cpu, "on_cpu")
      .Maybe(t.cgroups, "cgroups")
      .Maybe(t.scx_weight, "scx.weight")
      .Maybe(t.scx_dsq_vtime, "scx.dsq_vtime")
      .Maybe(t.scx_slice, "scx.slice")
      .Maybe(t.scx_runnable_node, "scx.runnable_node")
      .Maybe(t.scx_dsq_node, "scx.dsq_list.node")
      .Maybe(t.scx_dsq_flags, "scx.dsq_list.flags");
  Members(btf, "signal_struct", k.signal)
      .Need(k.signal.nr_threads, "nr_threads")
      .Need(k.signal.thread_head, "thread_head");
  Members(btf, "css_set", k.css_set).Need(k.css_set.dfl_cgrp, "dfl_cgrp");
  Members(btf, "cgroup", k.cgroup).Need(k.cgroup.kn, "kn");
  Members(btf, "kernfs_node", k.kernfs)
      .Need(k.kernfs.parent, {"__parent", "parent"})  // renamed in 6.15
      .Need(k.kernfs.name, "name")
      .Need(k.kernfs.id, "id");
  Members(btf, "inode", k.inode).Need(k.inode.ino, "i_ino");
}

void ResolveRunQueues(const Btf& btf, KernelLayout& k) {
  RqLayout& rq = k.rq;
  Members(btf, "rq", rq)
      .Need(rq.nr_running, "nr_running")
      .Need(rq.nr_switches, "nr_switches")
      .Need(rq.clock, "clock")
      .Need(rq.curr, "curr")
      .Need(rq.cfs_nr_running, {"cfs.nr_queued", "cfs.nr_running"})  // renamed in 6.14
      .Maybe(rq.min_vruntime, {"cfs.zero_vruntime", "cfs.min_vruntime"})
      .Maybe(rq.scx_nr_running, "scx.nr_running")
      .Maybe(rq.scx_flags, "scx.flags")
      .Maybe(rq.scx_cpu_released, "scx.cpu_released")
      .Maybe(rq.scx_ops_qseq, "scx.ops_qseq")
      .Maybe(rq.scx_clock, "scx.clock")
      .Maybe(rq.scx_runnable_list, "scx.runnable_list")
      .Maybe(rq.scx_local_dsq, "scx.local_dsq")
      .Maybe(rq.scx_bypass_dsq, "scx.bypass_dsq");
  Members(btf, "kernel_cpustat", k.cpu_time).Need(k.cpu_time.cpustat, "cpustat");
  Members(btf, "kernel_stat", k.kernel_stat)
      .Need(k.kernel_stat.irqs_sum, "irqs_sum")
      .Need(k.kernel_stat.softirqs, "softirqs");
  Members(btf, "tick_sched", k.tick).Need(k.tick.iowait_sleeptime, "iowait_sleeptime");
  TimekeeperLayout& tk = k.timekeeper;
  Members(btf, "timekeeper", tk)
      .Need(tk.base, "tkr_mono.base")
      .Need(tk.xtime_nsec, "tkr_mono.xtime_nsec")
      .Need(tk.shift, "tkr_mono.shift");
  // tk_core is a struct tk_data from 6.13 on; before, of a struct without a name: a seqcount, then the
  // timekeeper.
  if (const auto in_data = btf.Path("tk_data.timekeeper"); in_data.ok())
    tk.in_core = static_cast<std::uint32_t>(in_data->offset);
  else if (const auto seqcount = btf.FindType("seqcount_raw_spinlock_t"); seqcount.ok())
    tk.in_core = (btf.SizeOf(*seqcount) + 7) / 8 * 8;
  else if (tk.missing.empty())
    tk.missing = seqcount.error().message;
}

void ResolveSchedExt(const Btf& btf, KernelLayout& k) {
  const auto ops = btf.FindType("sched_ext_ops");
  k.has_sched_ext = ops.ok() && k.rq.scx_local_dsq;
  if (!k.has_sched_ext) return;
  k.scx_ops_type = *ops;
  k.scx_ops_size = btf.SizeOf(*ops);
  StructLayout of_ops;
  Members(btf, "sched_ext_ops", of_ops).Need(k.scx_ops_name, "name");
  Members(btf, "scx_dispatch_q", k.dsq)
      .Need(k.dsq.list, "list")
      .Need(k.dsq.nr, "nr")
      .Need(k.dsq.seq, "seq")
      .Need(k.dsq.id, "id")
      .Need(k.dsq.hash_node, "hash_node");
  Members(btf, "rhashtable", k.rhashtable).Need(k.rhashtable.tbl, "tbl");
  BucketTableLayout& table = k.bucket_table;
  Members(btf, "bucket_table", table)
      .Need(table.size, "size")
      .Need(table.nest, "nest")
      .Need(table.future, "future_tbl")
      .Need(table.buckets, "buckets");
  ScxSchedLayout& sched = k.scx_sched;
  Members(btf, "scx_sched", sched)
      .Need(sched.ops_name, "ops.name")
      .Need(sched.exit_kind, "exit_kind")
      .Maybe(sched.ops, "ops")
      .Maybe(sched.aborting, "aborting")
      .Maybe(sched.bypass_depth, "bypass_depth")
      .Maybe(sched.watchdog_timeout, "watchdog_timeout")
      .Maybe(sched.global_dsqs, "global_dsqs")
      .Maybe(sched.dsq_hash, "dsq_hash")
      .Maybe(sched.event_stats, {"pcpu", "event_stats_cpu"});
  if (const auto in_pcpu = btf.Path("scx_sched_pcpu.event_stats"); in_pcpu.ok())
    sched.events_in_pcpu = static_cast<std::uint32_t>(in_pcpu->offset);
  Members(btf, "scx_exit_info", k.scx_exit_info).Need(k.scx_exit_info.kind, "kind");
  if (const auto stats = btf.FindType("scx_event_stats"); stats.ok()) k.scx_event_stats = *stats;
}

void ResolveGlobals(const KernelFacts& facts, GlobalAddresses& at) {
  const auto global = [&](std::initializer_list<const char*> names) -> std::optional<std::uint64_t> {
    for (const char* name : names) {
      const auto symbol = facts.symbols->Find(name);
      if (symbol && !symbol->per_cpu) return symbol->address + facts.kaslr_offset;
    }
    return std::nullopt;
  };
  const auto per_cpu = [&](const char* name) -> std::optional<std::uint64_t> {
    const auto symbol = facts.symbols->Find(name);
    if (!symbol || !symbol->per_cpu) return std::nullopt;
    return symbol->address;
  };
  at.map_idr = global({"map_idr"});
  at.prog_idr = global({"prog_idr"});
  at.init_task = global({"init_task"});
  at.tk_core = global({"tk_core"});
  at.nr_node_ids = global({"nr_node_ids"});
  at.runqueues = per_cpu("runqueues");
  at.kernel_cpustat = per_cpu("kernel_cpustat");
  at.kstat = per_cpu("kstat");
  at.tick_cpu_sched = per_cpu("tick_cpu_sched");
  at.event_stats_cpu = per_cpu("event_stats_cpu");
  at.scx_root = global({"scx_root"});
  at.scx_ops = global({"scx_ops"});
  at.scx_enable_state = global({"scx_enable_state_var", "scx_ops_enable_state_var"});
  at.scx_enable_names = global({"scx_enable_state_str", "scx_ops_enable_state_str"});
  at.scx_exit_kind = global({"scx_exit_kind"});
  at.scx_exit_info = global({"scx_exit_info"});
  at.scx_bypass_depth = global({"scx_bypass_depth", "scx_ops_bypass_depth"});
  at.scx_watchdog_timeout = global({"scx_watchdog_timeout"});
  at.dsq_hash = global({"dsq_hash"});
  at.global_dsqs = global({"global_dsqs"});
  for (const char* name : {"stop", "dl", "rt", "fair", "ext", "idle"})
    if (const auto address = global({(std::string(name) + "_sched_class").c_str()}))
      at.sched_classes.emplace_back(*address, name);
}

}  // namespace

std::optional<std::uint64_t> Get(std::span<const std::byte> copy, const Field& field) {
  if (!field || field.size == 0 || field.size > 8 || copy.size() < std::size_t{field.offset} + field.size)
    return std::nullopt;
  std::uint64_t value = 0;
  std::memcpy(&value, copy.data() + field.offset, field.size);
  const unsigned unused = 64 - field.size * 8;
  if (field.is_signed)
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(value << unused) >> unused);
  return value;
}

std::shared_ptr<const KernelLayout> KernelLayout::Of(const KernelFacts& facts) {
  auto layout = std::make_shared<KernelLayout>();
  ResolveMapTable(*facts.btf, *layout);
  ResolveKeyedMaps(*facts.btf, *layout);
  ResolveOtherMaps(*facts.btf, *layout);
  ResolvePrograms(*facts.btf, *layout);
  ResolveTasks(*facts.btf, *layout);
  ResolveRunQueues(*facts.btf, *layout);
  ResolveSchedExt(*facts.btf, *layout);
  ResolveGlobals(facts, layout->at);
  return layout;
}

}  // namespace ktstr::vmm
