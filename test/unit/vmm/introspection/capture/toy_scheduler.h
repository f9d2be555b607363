// A made-up kernel with two CPUs, run queues and a task list, for what reads and writes such things.
#pragma once

#include <string>
#include <string_view>

#include "test/unit/vmm/introspection/kernel/fake_kernel.h"

namespace ktstr::vmm {

struct ToyScheduler {
  static constexpr std::uint64_t kKaslr = 0x1000000;
  static constexpr std::uint64_t kCounter = 0xffffffff83001000;  // runtime addresses
  static constexpr std::uint64_t kInitTask = 0xffffffff83002000;
  static constexpr std::uint64_t kRoot = 0xffffffff83003000;
  static constexpr std::uint64_t kExtClass = 0xffffffff83004000;
  static constexpr std::uint64_t kFairClass = 0xffffffff83004100;
  static constexpr std::uint64_t kPageOffset = 0xffff888000000000;
  static constexpr std::uint64_t kRq0 = 0xffff888010000100;
  static constexpr std::uint64_t kRq1 = 0xffff888010100100;
  static constexpr std::uint64_t kTasks = 0xffff888001000000;  // a page each
  // Offsets in task_struct.
  static constexpr std::uint64_t kThreadNode = 16, kSignal = 32, kPid = 40, kOnRq = 44, kComm = 48,
                                 kStart = 64, kClass = 72, kState = 80, kScx = 88;

  explicit ToyScheduler(bool sched_ext = true) {
    facts.symbols = MakeSymbols({{"counter", kCounter - kKaslr},
                                 {"init_task", kInitTask - kKaslr},
                                 {"root", kRoot - kKaslr},
                                 {sched_ext ? "ext_sched_class" : "no_class", kExtClass - kKaslr},
                                 {"fair_sched_class", kFairClass - kKaslr},
                                 {"__per_cpu_start", 0},
                                 {"runqueues", 0x100},
                                 {"kstat", 0x400},
                                 {"lonely", 0x500},
                                 {"__per_cpu_end", 0x1000}});
    facts.btf = Types(sched_ext);
    facts.kaslr_offset = kKaslr;
    facts.page_offset = kPageOffset;
    facts.ram_bytes = 512 << 20;
    facts.per_cpu_offset = {0xffff888010000000, 0xffff888010100000};
    memory.Map(kCounter, 8);
    memory.Map(kRq0, 256);
    memory.Map(kRq1, 256);
    // Tasks: init_task, then 7 "systemd", and 100 "web" with the thread 101 "web-io".
    AddTask(0, kInitTask, 0, "swapper", 0);
    AddTask(1, Task(1), 7, "systemd", 20'000'000);
    AddTask(2, Task(2), 100, "web", 5'017'000'000);
    Link(kInitTask, {kInitTask, Task(1), Task(2)});
    AddTask(3, Task(3), 101, "web-io", 5'018'000'000);
    memory.Put(Task(3) + kSignal, Signal(2));
    Link(Signal(2), {Signal(2), Task(2) + kThreadNode, Task(3) + kThreadNode});
  }

  static std::uint64_t Task(std::uint64_t i) { return kTasks + i * 4096; }
  static std::uint64_t Signal(std::uint64_t i) { return Task(i) + 2048; }

  /// A process with one thread.
  void AddTask(std::uint64_t i, std::uint64_t at, std::int32_t pid, std::string_view comm,
               std::uint64_t start) {
    memory.Map(at, 4096);
    memory.Map(Task(i), 4096);
    memory.Put(at + kPid, pid);
    memory.Put(at + kStart, start);
    memory.Put(at + kClass, kExtClass);
    memory.Put(at + kState, std::uint32_t{1});
    memory.Put(at + kScx + 8, at + kScx + 8);  // runnable_node: empty
    memory.Put(at + kSignal, Signal(i));
    std::array<char, 16> name{};
    std::copy(comm.begin(), comm.end(), name.begin());
    memory.Put(at + kComm, name);
    Link(Signal(i), {Signal(i), at + kThreadNode});
  }
  /// A circular list through the nodes.
  void Link(std::uint64_t /*head*/, const std::vector<std::uint64_t>& nodes) {
    for (std::size_t i = 0; i < nodes.size(); ++i) memory.Put(nodes[i], nodes[(i + 1) % nodes.size()]);
  }

  [[nodiscard]] KernelView View() { return {facts, memory}; }

  KernelFacts facts;
  FakeMemory memory;

 private:
  static std::shared_ptr<const Btf> Types(bool sched_ext) {
    BtfWriter btf;
    const int u32 = btf.Int("unsigned int", 4);
    const int s32 = btf.Int("int", 4, true);
    const int u64 = btf.Int("long unsigned int", 8);
    const int u8 = btf.Int("unsigned char", 1);
    const int any = btf.Pointer(0);
    const int list = btf.Struct("list_head", 16, {{"next", any, 0}, {"prev", any, 8}});
    const int comm = btf.Array(u32, u8, 16);
    const int scx = btf.Struct("sched_ext_entity", 32,
                               {{"dsq", any, 0}, {"runnable_node", list, 8}, {"dsq_vtime", u64, 24}});
    std::vector<BtfWriter::Member> members = {
        {"tasks", list, 0},           {"thread_node", list, kThreadNode},
        {"signal", any, kSignal},     {"pid", s32, kPid},
        {"on_rq", s32, kOnRq},        {"comm", comm, kComm},
        {"__state", u32, kState},     {"start_boottime", u64, kStart},
        {"sched_class", any, kClass}, {"prio", s32, 84}};
    if (sched_ext) members.push_back({"scx", scx, kScx});
    const int task = btf.Struct("task_struct", 120, members);
    btf.Struct("signal_struct", 16, {{"thread_head", list, 0}});
    const int weights = btf.Array(u32, s32, 4);
    const int root = btf.Struct("sched_root", 24, {{"level", s32, 0}, {"weights", weights, 8}});
    const int local_dsq = btf.Struct("scx_dispatch_q", 8, {{"nr", u32, 0}, {"seq", u32, 4}});
    const int scx_rq =
        btf.Struct("scx_rq", 16, {{"nr_running", u32, 0}, {"flags", u32, 4}, {"local_dsq", local_dsq, 8}});
    const int sched_info = btf.Struct("sched_info", 16, {{"pcount", u64, 0}, {"run_delay", u64, 8}});
    members = {{"nr_running", u32, 0},
               {"balance", s32, 4},
               {"clock", u64, 8},
               {"nr_switches", u64, 16},
               {"online", u8, 24},
               {"mode", u32, 28, 3, 2},
               {"skew", s32, 28, 4, 5},
               {"curr", btf.Pointer(task), 32},
               {"root", btf.Pointer(root), 40},
               {"odd", u64, 49},
               {"rq_sched_info", sched_info, 64},
               {"yld_count", u32, 80},
               {"sched_count", u32, 84},
               {"sched_goidle", u32, 88},
               {"ttwu_count", u32, 92},
               {"ttwu_local", u32, 96}};
    if (sched_ext) members.push_back({"scx", scx_rq, 104});
    const int rq = btf.Struct("rq", 128, members);
    btf.Struct("kernel_stat", 8, {{"irqs_sum", u64, 0}});
    btf.PerCpuVariables({{"runqueues", rq}, {"slots", weights}});
    return btf.Finish();
  }
};

}  // namespace ktstr::vmm
