#include <unistd.h>

#include <catch2/catch.hpp>

#include "test/unit/vmm/host/temp_dir.h"
#include "test/unit/vmm/introspection/capture/toy_scheduler.h"
#include "vmm/introspection/monitor/monitor_sampler.h"

namespace ktstr::vmm {
namespace {

using Toy = ToyScheduler;

MonitorSampler Make(Toy& kernel, pid_t qemu = 0, const std::filesystem::path& proc = "/proc") {
  auto sampler = MonitorSampler::Create(kernel.View(), qemu, proc);
  if (!sampler) FAIL(sampler.error().message);
  return std::move(sampler).value();
}

TEST_CASE("a sample has each CPU's run queue as it is") {
  Toy kernel;
  kernel.memory.Put(Toy::kRq0, std::uint32_t{3});
  kernel.memory.Put(Toy::kRq0 + 8, std::uint64_t{1'000'000});
  kernel.memory.Put(Toy::kRq1 + 16, std::uint64_t{99});
  kernel.memory.Put(Toy::kRq1 + 64, std::uint64_t{11});      // pcount
  kernel.memory.Put(Toy::kRq1 + 72, std::uint64_t{22'000});  // run_delay
  for (std::uint32_t i = 0; i < 5; ++i) kernel.memory.Put(Toy::kRq1 + 80 + 4 * i, 30 + i);
  kernel.memory.Put(Toy::kRq1 + 104, std::uint32_t{4});  // scx: nr_running, flags, local DSQ
  kernel.memory.Put(Toy::kRq1 + 108, std::uint32_t{5});
  kernel.memory.Put(Toy::kRq1 + 112, std::uint32_t{6});
  MonitorSampler sampler = Make(kernel);
  const MonitorSample& sample = sampler.Sample();
  REQUIRE(sample.cpus.size() == 2);
  CHECK(sample.dropped == 0);
  CHECK(sample.cpus[0].cpu == 0);
  CHECK(sample.cpus[0].nr_running == 3);
  CHECK(sample.cpus[0].rq_clock == 1'000'000);
  const CpuSample& cpu = sample.cpus[1];
  CHECK(cpu.cpu == 1);
  CHECK(cpu.nr_running == 0);
  CHECK(cpu.nr_switches == 99);
  CHECK(cpu.scx_nr_running == 4);
  CHECK(cpu.scx_flags == 5);
  CHECK(cpu.local_dsq_depth == 6);
  CHECK(cpu.schedstats == SchedStats{22'000, 11, 30, 31, 32, 33, 34});
  CHECK_FALSE(cpu.vcpu_ns);
  CHECK(cpu.events.empty());
  CHECK(kernel.memory.reads == 4);  // two per CPU
  sampler.Sample();
  CHECK(sampler.series().samples.size() == 2);
  CHECK(sampler.series().cpus == 2);
  CHECK_FALSE(sampler.series().shared_vcpu_thread);
  CHECK(sampler.cost_ms() > 0);
}

TEST_CASE("however long a run is, the monitor keeps a bounded number of readings") {
  Toy kernel;
  MonitorSampler sampler = Make(kernel);
  for (int i = 0; i < 10; ++i) sampler.Sample(4);  // of two CPUs
  CHECK(sampler.series().samples.size() == 2);
  CHECK(sampler.series().full);
  CHECK(kernel.memory.reads == 8);  // and reads no more
}

TEST_CASE("without sched_ext there is no depth and no flag") {
  Toy kernel(false);
  const MonitorSample sample = Make(kernel).Sample();
  REQUIRE(sample.cpus.size() == 2);
  CHECK_FALSE(sample.cpus[0].scx_nr_running);
  CHECK_FALSE(sample.cpus[0].local_dsq_depth);
  CHECK_FALSE(sample.cpus[0].scx_flags);
}

/// Changes CPU 0's run queue after each of the first `times` reads of it.
void Tear(Toy& kernel, int times, std::function<void(int)> change) {
  kernel.memory.on_read = [&kernel, times, change = std::move(change)] {
    if (kernel.memory.reads <= times) change(kernel.memory.reads);
  };
}

TEST_CASE("a reading that changed meanwhile is repeated, three times at most") {
  Toy kernel;
  MonitorSampler sampler = Make(kernel);
  const auto grow = [&](int i) { kernel.memory.Put(Toy::kRq0, static_cast<std::uint32_t>(i)); };
  Tear(kernel, 1, grow);  // 0, then 1 and from there on the same
  CHECK(sampler.Sample().dropped == 0);
  CHECK(sampler.series().samples.back().cpus[0].nr_running == 1);
  kernel.memory.reads = 0;
  Tear(kernel, 6, [&](int i) { kernel.memory.Put(Toy::kRq0, static_cast<std::uint32_t>(100 + i)); });
  const MonitorSample& torn = sampler.Sample();
  CHECK(torn.dropped == 1);
  REQUIRE(torn.cpus.size() == 1);
  CHECK(torn.cpus[0].cpu == 1);
}

TEST_CASE("counters may go on between the two copies but not back") {
  Toy kernel;
  MonitorSampler sampler = Make(kernel);
  const auto clock = [&](std::uint64_t value) { kernel.memory.Put(Toy::kRq0 + 8, value); };
  Tear(kernel, 6, [&](int i) { clock(1000 + static_cast<std::uint64_t>(i)); });
  CHECK(sampler.Sample().dropped == 0);
  clock(10'000);
  kernel.memory.reads = 0;
  Tear(kernel, 6, [&](int i) { clock(10'000 - static_cast<std::uint64_t>(i)); });
  CHECK(sampler.Sample().dropped == 1);
  kernel.memory.reads = 0;  // ten seconds and more between two reads are no clock
  Tear(kernel, 6, [&](int i) { clock(20'000'000'000 * static_cast<std::uint64_t>(i)); });
  CHECK(sampler.Sample().dropped == 1);
}

TEST_CASE("what is beyond plausible or cannot be read is dropped") {
  Toy kernel;
  MonitorSampler sampler = Make(kernel);
  kernel.memory.Put(Toy::kRq0, std::uint32_t{32'769});
  kernel.memory.Put(Toy::kRq1 + 112, std::uint32_t{10'001});
  CHECK(sampler.Sample().dropped == 2);
  kernel.memory.Put(Toy::kRq0, std::uint32_t{32'768});
  kernel.memory.Put(Toy::kRq1 + 112, std::uint32_t{10'000});
  CHECK(sampler.Sample().dropped == 0);
  kernel.facts.per_cpu_offset[1] = 0xffffc90000000000;
  CHECK(Make(kernel).Sample().dropped == 1);
}

TEST_CASE("a kernel without the fields, or without run queues, is refused") {
  Toy kernel;
  kernel.facts.symbols = MakeSymbols({{"counter", Toy::kCounter}});
  const auto sampler = MonitorSampler::Create(kernel.View(), 0);
  REQUIRE_FALSE(sampler);
  CHECK(sampler.error().message.starts_with("no kernel symbol 'runqueues'"));
  BtfWriter btf;
  const int u32 = btf.Int("unsigned int", 4);
  btf.Struct("rq", 8, {{"nr_running", u32, 0}});
  kernel.facts.btf = btf.Finish();
  CHECK(MonitorSampler::Create(kernel.View(), 0)
            .error()
            .message.starts_with("struct rq has no member 'clock'"));
}

/// A kernel that counts events where kernels have done so in turn.
enum class Events { kVariable, kPointer, kInner };
void CountEvents(Toy& kernel, Events where) {
  BtfWriter btf;
  const int u32 = btf.Int("unsigned int", 4);
  const int s64 = btf.Int("long int", 8, true);
  const int any = btf.Pointer(0);
  btf.Struct("rq", 32, {{"nr_running", u32, 0}, {"clock", s64, 8}, {"nr_switches", s64, 16}});
  const int stats = btf.Struct("scx_event_stats", 16, {{"SCX_EV_A", s64, 0}, {"SCX_EV_B", s64, 8}});
  if (where == Events::kPointer) btf.Struct("scx_sched", 16, {{"event_stats_cpu", any, 8}});
  if (where == Events::kInner) {
    btf.Struct("scx_sched_pcpu", 32, {{"event_stats", stats, 16}});
    btf.Struct("scx_sched", 16, {{"pcpu", any, 8}});
  }
  kernel.facts.btf = btf.Finish();
  std::vector<std::pair<std::string, std::uint64_t>> symbols = {{"__per_cpu_start", 0},
                                                                {"runqueues", 0x100},
                                                                {"__per_cpu_end", 0x1000},
                                                                {"scx_root", Toy::kRoot - Toy::kKaslr}};
  if (where == Events::kVariable) symbols.emplace_back("event_stats_cpu", 0x400);
  kernel.facts.symbols = MakeSymbols(symbols);
  const std::uint64_t at = 0xffff888010000400;
  kernel.memory.Put(at, std::int64_t{7});
  kernel.memory.Put(at + 8, std::int64_t{8});
  kernel.memory.Put(at + 0x100000, std::int64_t{-9});
  kernel.memory.Put(Toy::kRoot, std::uint64_t{0});
}

TEST_CASE("event counters are found where this kernel has them") {
  const Events where = GENERATE(Events::kVariable, Events::kPointer, Events::kInner);
  Toy kernel;
  CountEvents(kernel, where);
  MonitorSampler sampler = Make(kernel);
  CHECK(sampler.series().event_names == std::vector<std::string>{"SCX_EV_A", "SCX_EV_B"});
  if (where != Events::kVariable) {
    CHECK(sampler.Sample().cpus[0].events.empty());  // no scheduler is attached
    const std::uint64_t sched = kernel.Task(5);
    kernel.memory.Put(Toy::kRoot, sched);
    kernel.memory.Put(sched + 8, std::uint64_t{where == Events::kInner ? 0x3f0U : 0x400U});
  }
  const MonitorSample& sample = sampler.Sample();
  CHECK(sample.cpus[0].events == std::vector<std::int64_t>{7, 8});
  CHECK(sample.cpus[1].events == std::vector<std::int64_t>{-9, 0});
}

TEST_CASE("vCPU threads are found by their names") {
  const TempDir proc;
  const auto thread = [&](int id, const std::string& comm, const std::string& schedstat) {
    const std::string at = "7/task/" + std::to_string(id);
    static_cast<void>(proc.Write(at + "/comm", comm + "\n"));
    static_cast<void>(proc.Write(at + "/schedstat", schedstat));
  };
  thread(7, "qemu-system-x86", "1 1 1\n");
  thread(8, "CPU 1/KVM", "2000 5 1\n");
  thread(9, "CPU 0/KVM", "1000 5 1\n");
  thread(10, "CPU 9/KVM", "9 5 1\n");  // the guest has no such CPU
  thread(11, "CPU x", "9 5 1\n");
  using Times = std::vector<std::optional<std::uint64_t>>;
  const VcpuTimes each(7, 3, proc.path());
  CHECK(each.Read() == Times{1000, 2000, std::nullopt});
  CHECK_FALSE(each.shared());
  thread(8, "CPU 1/KVM", "2500 5 1\n");
  CHECK(each.Read() == Times{1000, 2500, std::nullopt});
  thread(12, "ALL CPUs/TCG", "4000 5 1\n");
  CHECK(VcpuTimes(7, 3, proc.path()).Read() == Times{4000, 4000, 4000});
  Toy kernel;
  MonitorSampler sampler = Make(kernel, 7, proc.path());
  CHECK(sampler.series().shared_vcpu_thread);
  CHECK(sampler.Sample().cpus[1].vcpu_ns == 4000);
  CHECK(VcpuTimes(8, 2, proc.path()).Read() == Times{std::nullopt, std::nullopt});
}

}  // namespace
}  // namespace ktstr::vmm
