// The types of a made-up kernel that has every struct which a capture reads, written down as text. Of use
// without Catch2, too.
#pragma once

#include <bpf/btf.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "vmm/introspection/types/btf.h"

namespace ktstr::vmm {

/// Structs as text: "name size: member@offset:size ...". A member "a.b" is b of a struct a that begins at 0
/// of the outer one. Members of 1, 2, 4 and 8 bytes are unsigned integers, others arrays of bytes.
inline constexpr const char* kCaptureStructs = R"(
idr 24: idr_rt.xa_head@8:8
xa_node 576: shift@0:1 slots@40:512
bpf_map 128: map_type@24:4 key_size@28:4 value_size@32:4 max_entries@36:4 map_flags@48:4 id@52:4 btf_key_type_id@60:4 btf_value_type_id@64:4 btf_vmlinux_value_type_id@68:4 btf@72:8 name@88:16
btf 96: data@0:8 data_size@8:4 id@12:4 kernel_btf@16:1 base_btf@24:8
bpf_array 136: value@136:0
bpf_htab 160: buckets@128:8 n_buckets@136:4
bucket 16: head.first@0:8
htab_elem 48: hash_node.next@0:8 key@48:0
bpf_local_storage_map 144: buckets@128:8 bucket_log@136:4
bpf_local_storage_map_bucket 16: list.first@0:8
bpf_local_storage_elem 64: map_node.next@0:8 local_storage@32:8 sdata.data@56:0
bpf_local_storage 32: owner@16:8
bpf_struct_ops_map 448: kvalue@192:0 kvalue.data@256:0 links@128:8 funcs_cnt@136:4 btf@144:8
bpf_link 32: prog@16:8
bpf_ringbuf_map 136: rb@128:8
bpf_ringbuf 8208: mask@0:8 consumer_pos@4096:8 producer_pos@8192:8 pending_pos@8200:8
bpf_stack_map 136: n_buckets@128:4 buckets@136:0
stack_map_bucket 16: nr@12:4 data@16:0
bpf_arena 152: user_vm_start@128:8 kern_vm@144:8
vm_struct 24: addr@8:8 size@16:8
lpm_trie 152: root@128:8 data_size@144:8
lpm_trie_node 40: child@16:16 prefixlen@32:4 flags@36:4 data@40:0
bpf_queue_stack 144: head@128:4 tail@132:4 size@136:4 elements@144:0
bpf_prog 64: type@4:4 stats@32:8 aux@56:8
bpf_prog_aux 96: id@32:4 name@40:16 attach_btf_id@56:4 used_maps@64:8 used_map_cnt@72:4 verified_insns@76:4 btf@80:8 func_info@88:8
bpf_prog_stats 24: cnt@0:8 nsecs@8:8 misses@16:8
task_struct 512: __state@24:4 on_cpu@28:4 on_rq@32:4 pid@36:4 tgid@40:4 comm@44:16 tasks@64:16 thread_node@80:16 signal@96:8 group_leader@104:8 real_parent@112:8 policy@120:4 prio@124:4 static_prio@128:4 normal_prio@132:4 rt_priority@136:4 sched_class@144:8 cpus_mask@152:64 start_time@216:8 se.sum_exec_runtime@224:8 se.vruntime@232:8 nvcsw@240:8 nivcsw@248:8 thread_info.cpu@16:4 cgroups@256:8 scx.weight@264:4 scx.dsq_vtime@272:8 scx.slice@280:8 scx.runnable_node@288:16 scx.dsq_list.node@304:16 scx.dsq_list.flags@320:4
signal_struct 32: nr_threads@8:4 thread_head@16:16
css_set 16: dfl_cgrp@8:8
cgroup 16: kn@8:8
kernfs_node 40: parent@8:8 name@16:8 id@32:8
inode 16: i_ino@8:8
rq 512: nr_running@4:4 nr_switches@8:8 clock@16:8 curr@24:8 cfs.nr_running@32:4 cfs.min_vruntime@40:8 scx.nr_running@48:4 scx.flags@52:4 scx.runnable_list@64:16 scx.local_dsq@128:0
scx_dispatch_q 96: list@8:16 nr@32:4 seq@36:4 id@40:8 hash_node@48:8
rhashtable 64: tbl@0:8
bucket_table 64: size@0:4 nest@4:4 future_tbl@32:8 buckets@64:0
sched_ext_ops 160: enqueue@8:8 name@32:128
kernel_cpustat 88: cpustat@0:88
kernel_stat 48: irqs_sum@0:8 softirqs@8:40
tick_sched 16: iowait_sleeptime@8:8
timekeeper 40: tkr_mono.base@8:8 tkr_mono.xtime_nsec@16:8 tkr_mono.shift@24:4
seqcount_raw_spinlock_t 4: sequence@0:4
)";
/// What kernels from 6.16 on have in addition.
inline constexpr const char* kNewStructs = R"(
scx_sched_pcpu 32: event_stats@16:16
scx_event_stats 16: SCX_EV_ONE@0:8 SCX_EV_TWO@8:8
scx_sched 512: ops@0:160 ops.name@32:128 dsq_hash@192:64 global_dsqs@256:8 pcpu@264:8 aborting@272:1 bypass_depth@276:4 exit_kind@280:4 watchdog_timeout@288:8
)";

class StructWriter {
 public:
  void Add(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
      if (!line.empty()) AddStruct(line);
  }
  std::shared_ptr<const Btf> Finish() {
    __u32 size = 0;
    const void* raw = btf__raw_data(btf_.get(), &size);
    auto parsed = Btf::Parse(std::span(static_cast<const std::byte*>(raw), size));
    if (!parsed) throw std::logic_error(parsed.error().message);
    return *parsed;
  }

 private:
  struct Member {
    std::string name;
    std::uint32_t offset = 0, size = 0;
  };

  void AddStruct(const std::string& line) {
    std::istringstream words(line);
    std::string name;
    std::uint32_t size = 0;
    char colon = 0;
    words >> name >> size >> colon;
    std::vector<Member> members;
    for (std::string word; words >> word;) {
      Member member;
      const std::size_t at = word.find('@');
      member.name = word.substr(0, at);
      std::sscanf(word.c_str() + at, "@%u:%u", &member.offset, &member.size);
      members.push_back(member);
    }
    Struct(name.c_str(), size, members);
  }

  // NOLINTNEXTLINE(misc-no-recursion): as deep as the names have dots
  int Struct(const char* name, std::uint32_t size, const std::vector<Member>& members) {
    std::vector<std::pair<std::string, std::vector<Member>>> inner;
    std::vector<std::pair<Member, int>> fields;
    for (const Member& member : members) {
      const std::size_t dot = member.name.find('.');
      if (dot == std::string::npos) {
        fields.emplace_back(member, Scalar(member.size));
        continue;
      }
      const std::string group = member.name.substr(0, dot);
      const auto same = [&](const auto& one) { return one.first == group; };
      auto found = std::find_if(inner.begin(), inner.end(), same);
      if (found == inner.end()) found = inner.insert(inner.end(), {group, {}});
      found->second.push_back({member.name.substr(dot + 1), member.offset, member.size});
    }
    for (const auto& [group, of_group] : inner) {
      const auto whole = [&, &g = group](const auto& field) { return field.first.name == g; };
      std::erase_if(fields, whole);  // what is named as a whole, too, must begin at 0 or be empty
      std::uint32_t first = 0;
      for (const Member& member : members)
        if (member.name == group) first = member.offset;
      std::vector<Member> moved = of_group;
      for (Member& member : moved) member.offset -= first;
      fields.emplace_back(Member{group, first, size - first}, Struct(nullptr, size - first, moved));
    }
    const int id = btf__add_struct(btf_.get(), name, size);
    for (const auto& [member, type] : fields)
      if (btf__add_field(btf_.get(), member.name.c_str(), type, member.offset * 8, 0) != 0)
        throw std::logic_error("not a member: " + member.name);
    return id;
  }

  int Scalar(std::uint32_t size) {
    const bool number = size == 1 || size == 2 || size == 4 || size == 8;
    if (number) return btf__add_int(btf_.get(), ("u" + std::to_string(8 * size)).c_str(), size, 0);
    return btf__add_array(btf_.get(), byte_, byte_, size);
  }

  std::unique_ptr<btf, decltype(&btf__free)> btf_{btf__new_empty(), &btf__free};
  int byte_ = btf__add_int(btf_.get(), "byte", 1, 0);
};

}  // namespace ktstr::vmm
