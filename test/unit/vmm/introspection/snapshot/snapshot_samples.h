// Rendered values and reports made by hand, for tests of what reads them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "vmm/introspection/snapshot/snapshot_report.h"

namespace ktstr::vmm::test {

using Kind = RenderedValue::Kind;

inline RenderedValue Uint(std::uint64_t number, std::uint32_t bits = 64) {
  RenderedValue value;
  value.kind = Kind::kUint;
  value.bits = bits;
  value.number = number;
  return value;
}
inline RenderedValue Int(std::int64_t number, std::uint32_t bits = 32) {
  RenderedValue value = Uint(static_cast<std::uint64_t>(number), bits);
  value.kind = Kind::kInt;
  return value;
}
inline RenderedValue Bool(bool number) {
  RenderedValue value;
  value.kind = Kind::kBool;
  value.number = number ? 1 : 0;
  return value;
}
inline RenderedValue Char(char byte) {
  RenderedValue value;
  value.kind = Kind::kChar;
  value.number = static_cast<unsigned char>(byte);
  return value;
}
inline RenderedValue Float(double real) {
  RenderedValue value;
  value.kind = Kind::kFloat;
  value.bits = 64;
  value.real = real;
  return value;
}
inline RenderedValue Enum(std::int64_t number, std::string name) {
  RenderedValue value = Int(number);
  value.kind = Kind::kEnum;
  value.text = std::move(name);
  return value;
}
inline RenderedValue Struct(std::string type, std::vector<RenderedMember> members) {
  RenderedValue value;
  value.kind = Kind::kStruct;
  value.text = std::move(type);
  value.members = std::move(members);
  return value;
}
inline RenderedValue Array(std::vector<RenderedValue> elements, std::uint64_t length = 0) {
  RenderedValue value;
  value.kind = Kind::kArray;
  value.length = length == 0 ? elements.size() : length;
  for (RenderedValue& element : elements) value.members.push_back({"", std::move(element)});
  return value;
}
inline RenderedValue Text(const std::string& text, std::size_t size) {
  std::vector<RenderedValue> chars;
  for (std::size_t i = 0; i < size; ++i) chars.push_back(Char(i < text.size() ? text[i] : '\0'));
  return Array(std::move(chars));
}
inline RenderedValue CpuList(std::string cpus) {
  RenderedValue value;
  value.kind = Kind::kCpuList;
  value.text = std::move(cpus);
  return value;
}
inline RenderedValue Ptr(std::uint64_t address, std::string reason = {}) {
  RenderedValue value;
  value.kind = Kind::kPtr;
  value.number = address;
  value.reason = std::move(reason);
  return value;
}
inline RenderedValue PtrTo(std::uint64_t address, RenderedValue target) {
  RenderedValue value = Ptr(address);
  value.members.push_back({"", std::move(target)});
  return value;
}
inline RenderedValue Bytes(std::string hex) {
  RenderedValue value;
  value.kind = Kind::kBytes;
  value.text = std::move(hex);
  return value;
}
inline RenderedValue Truncated(std::uint64_t needed, std::uint64_t had) {
  RenderedValue value;
  value.kind = Kind::kTruncated;
  value.needed = needed;
  value.had = had;
  return value;
}
inline RenderedValue Truncated(std::uint64_t needed, std::uint64_t had, RenderedValue part) {
  RenderedValue value = Truncated(needed, had);
  value.members.push_back({"", std::move(part)});
  return value;
}
inline RenderedValue Unsupported(std::string reason) {
  RenderedValue value;
  value.kind = Kind::kUnsupported;
  value.reason = std::move(reason);
  return value;
}

inline MapRecord Map(std::string name, std::string type_name) {
  MapRecord map;
  map.name = std::move(name);
  map.type_name = std::move(type_name);
  map.map_kva = 0xffff888000000000;
  for (const char c : map.name)
    map.map_kva = map.map_kva * 31 + static_cast<unsigned char>(c);  // one of its own
  return map;
}
inline MapEntry Entry(RenderedValue key, RenderedValue value, std::string key_hex = {}) {
  MapEntry entry;
  entry.key = std::move(key);
  entry.key_hex = std::move(key_hex);
  entry.value = std::move(value);
  return entry;
}

inline void AddMaps(SnapshotReport& report) {
  MapRecord counts = Map("counts", "hash");
  counts.id = 12;
  counts.map_type = 1;
  counts.key_size = 4;
  counts.value_size = 16;
  counts.max_entries = 64;
  counts.entries.emplace();
  for (std::uint32_t key : {1U, 3U})
    counts.entries->push_back(Entry(Uint(key, 32),
                                    Struct("stat", {{"total", Uint(key * 5 + 2)}, {"cpu", Int(-1)}}),
                                    "0" + std::to_string(key) + "000000"));
  report.maps.push_back(std::move(counts));
  MapRecord bss = Map("simple.bss", "array");
  bss.value = Struct(".bss", {{"nr_dispatched", Uint(77)}, {"mode", Enum(2, "MODE_FIFO")}});
  report.maps.push_back(std::move(bss));
  MapRecord percpu = Map("percpu", "percpu_array");
  percpu.percpu_entries = {{0, {Uint(4), std::nullopt, Uint(6)}}, {1, {Uint(7), Uint(8), Uint(9)}}};
  report.maps.push_back(std::move(percpu));
  MapRecord percpu_hash = Map("pch", "percpu_hash");
  percpu_hash.percpu_hash_entries = {{Uint(5, 32), "05000000", {Uint(1), Uint(2)}}, {std::nullopt, "06", {}}};
  report.maps.push_back(std::move(percpu_hash));
  MapRecord arena = Map("arena", "arena");
  arena.arena = {0x1000, 2, {{0, "00ff"}, {4096, "01"}}};
  report.maps.push_back(std::move(arena));
  MapRecord ringbuf = Map("events", "ringbuf");
  ringbuf.ringbuf = {4096, 8, 24, 16, 16};
  report.maps.push_back(std::move(ringbuf));
  MapRecord stacks = Map("stacks", "stack_trace");
  stacks.stack_trace = {{{9, {0xffffffff81000010, 0x55}, {"schedule+0x10", ""}}}};
  report.maps.push_back(std::move(stacks));
  MapRecord progs = Map("progs", "prog_array");
  progs.fd_array = {4, {0, 2}};
  progs.truncated = true;
  report.maps.push_back(std::move(progs));
  MapRecord lpm = Map("lpm", "lpm_trie");
  lpm.error = "maps of this type are not read";
  report.maps.push_back(std::move(lpm));
}

inline void AddTasks(SnapshotReport& report) {
  TaskRecord task;
  task.pid = 42;
  task.tgid = 41;
  task.comm = "spin";
  task.task_kva = 0xffff888001000000;
  task.cpu = 1;
  task.on_rq = true;
  task.cpus_allowed = "0-2";
  task.cgroup = "/ktstr/hot";
  task.nr_threads = 3;
  task.prio = -1;
  task.sched_class = "fair";
  task.scx_slice = 20'000'000;
  report.tasks.push_back(task);
  task.pid = 7;
  task.tgid = 7;
  task.comm = "kworker/0:1";
  task.nr_threads.reset();
  task.cgroup = "/";
  report.tasks.push_back(task);
}

/// A report with everything in it, each number another one.
inline SnapshotReport FullReport() {
  SnapshotReport report;
  AddMaps(report);
  report.vcpu_regs = {
      VcpuRegisters{0xffffffff81000000, "default_idle+0xb", 0xffffc90000000000, 0x1234000, 0x5678000},
      std::nullopt};
  report.active_obj_name = "simple";
  report.active_map_kvas = {report.maps[0].map_kva, report.maps[1].map_kva};
  report.prog_runtime_stats = {{"simple_enqueue", 31, "struct_ops", 100, 200, 1, "simple_enqueue_task", 87}};
  report.per_cpu_time = {{0, 1, 2, 3, 4, 5, 6, 7, 8, {9, 10}, 11, 12},
                         {1, 21, 22, 23, 24, 25, 26, 27, 28, {}, 31, {}}};
  report.per_node_numa_unavailable = "no walker";
  report.run_queues = {{0, 2, 300, 400, 500, 1, 42, "spin"}, {1, 0, 301, 401, 501, 0, std::nullopt, ""}};
  AddTasks(report);
  report.tasks_truncated = true;
  report.rq_scx_states = {{0, 1, 2, false, 3, 4, 42, "spin", {42, 43}, false}};
  report.dsq_states = {{0xC000000000000000, "global node 0", 1, 2, {42}, true}};
  ScxSched sched;
  sched.ops = "simple";
  sched.state = "enabled";
  sched.exit_kind = 64;
  sched.exit_kind_name = "SCX_EXIT_UNREG";
  sched.watchdog_timeout = 30'000;
  sched.event_counters = {{"SCX_EV_DISPATCH_LOCAL_DSQ_OFFLINE", 1}, {"SCX_EV_SELECT_CPU_FALLBACK", -2}};
  report.scx_sched_state = sched;
  report.dump_truncated_at_us = 99;
  report.guest_ns = 18'446'744'073'709'551'615ULL;
  report.paused_ms = 2.5;
  return report;
}

}  // namespace ktstr::vmm::test
