// Reading, writing and monitoring real kernels from the host: ours with sched_ext and Debian's, in clones.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <sstream>

#include "guest-init/wire/codec.h"
#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"
#include "test/guest/truth_guest.h"
#include "vmm/introspection/kernel/kernel_access.h"
#include "vmm/introspection/kernel/task_field.h"
#include "vmm/introspection/memory/pause.h"
#include "vmm/introspection/monitor/monitor_judge.h"
#include "vmm/introspection/monitor/monitor_sampler.h"
#include "workloads/work_type.h"

namespace ktstr::test {
namespace {

using vmm::DirectTarget;
using vmm::KernelIntent;
using vmm::KernelMode;
using vmm::KernelTarget;
using vmm::KernelValue;
using vmm::KernelView;
using vmm::KernelWidth;
using vmm::PerCpuTarget;
using vmm::SymbolTarget;
using vmm::TaskTarget;
using vmm::VirtualTarget;

/// A clone of a guest with one of the kernels, and its kernel.
struct Opened {
  explicit Opened(const vmm::Kernel& file)
      : guest(file, Start::kClone), kernel(Need(guest.OpenKernel(cache))) {}

  [[nodiscard]] KernelView view() const { return kernel->Live(); }
  std::uint64_t Number(const KernelTarget& target, KernelWidth width = {},
                       KernelMode mode = KernelMode::kHot) const {
    return Need(ReadKernel(view(), target, width, mode)).number;
  }
  std::string ReadError(const KernelTarget& target, KernelWidth width) const {
    const auto value = ReadKernel(view(), target, width, KernelMode::kHot);
    return value ? "read " + ToText(*value) : value.error().message;
  }
  std::string WriteError(const KernelTarget& target, const KernelValue& value) const {
    const auto written = WriteKernel(view(), target, value, KernelMode::kHot);
    return written ? "written" : written.error().message;
  }
  /// Lets the guest run for a while of its own time.
  void Run(std::chrono::milliseconds time) {
    const auto ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(time).count());
    REQUIRE(guest.Call(Hold{ns, false}).error.empty());
  }
  /// Workers that spin on one CPU, called `comm`.
  void Spin(std::uint32_t group, std::uint32_t count, std::uint32_t cpu, const std::string& comm) {
    StartWorkers request;
    request.group = group;
    request.count = count;
    request.work_type = "SpinWait";
    request.affinity = {cpu};
    request.comm = comm;
    request.seed = 1;
    const WorkTypeDecl* type = FindWorkType(request.work_type);
    std::vector<std::byte> params;
    EncodeStruct(type->params(), AnyStruct(type->params()).data(), params);
    for (const std::byte b : params) request.work_params.push_back(std::to_integer<std::uint8_t>(b));
    REQUIRE(guest.Call(request).error.empty());
  }

  vmm::KernelFactsCache cache;
  LiveGuest guest;
  std::unique_ptr<vmm::GuestKernel> kernel;
};

/// Runs a test on each of the kernels that are there.
void OnBothKernels(void (*test)(Opened&)) {
  bool any = false;
  for (const char* kind : {"built", "fetched"}) {
    const auto file = CachedKernel(kind);
    if (!file) continue;
    any = true;
    Opened opened(*file);
    INFO("kernel " << file->version);
    test(opened);
  }
  if (!any) Skip("no kernel is cached");
}

/// Field `number` of /proc/<pid>/stat, counted from 1 as in proc(5).
std::uint64_t StatField(Opened& o, std::int32_t pid, int number) {
  const std::string stat = o.guest.ReadFile("/proc/" + std::to_string(pid) + "/stat");
  std::istringstream rest(stat.substr(stat.rfind(')') + 2));  // field 3 on
  std::string field;
  for (int i = 3; i <= number; ++i) rest >> field;
  return std::stoull(field);
}

void CheckAddresses(Opened& o) {
  // One place by three ways, the guest running: ticks go on, and go on between two reads.
  const KernelView view = o.view();
  const std::uint64_t at = Need(view.Symbol("jiffies_64"));
  const std::uint64_t physical = o.kernel->space().Translate(at).value().physical;
  const std::uint64_t first = o.Number(SymbolTarget{"jiffies_64", "", ""}, KernelWidth::U64());
  o.Run(std::chrono::milliseconds(50));
  const std::uint64_t second = o.Number(VirtualTarget{at}, KernelWidth::U64());
  o.Run(std::chrono::milliseconds(50));
  const std::uint64_t third = o.Number(DirectTarget{view.facts().page_offset + physical}, KernelWidth::U64());
  CHECK(first < second);
  CHECK(second < third);
  CHECK(o.guest.machine().running());

  const std::uint64_t begin = view.facts().page_offset;
  CHECK(o.ReadError(DirectTarget{begin + (std::uint64_t{512} << 20)}, KernelWidth::U64()) ==
        fmt::format("{:#x} is not in the direct map ({:#x} to {:#x})", begin + 0x20000000, begin,
                    begin + 0x1fffffff));
  CHECK(o.ReadError(VirtualTarget{0x400000}, KernelWidth::U64()) ==
        "0x400000 is not a kernel address (those begin at 0xff00000000000000)");
  CHECK(o.ReadError(VirtualTarget{0xffffdeadbeef0000}, KernelWidth::U64()) ==
        "0xffffdeadbeef0000 is not mapped");
  CHECK(o.ReadError(VirtualTarget{at + 1}, KernelWidth::U64()) ==
        fmt::format(
            "{:#x} is not aligned to 8 bytes, so a running guest and we could see half of a change: use "
            "ReadKernelCold",
            at + 1));
  CHECK(o.ReadError(PerCpuTarget{"runqueues", "nr_running", 2}, {}) ==
        "CPU 2 does not exist; the guest has 2");
}

TEST_CASE("kernel access: addresses of all kinds in a running guest") { OnBothKernels(&CheckAddresses); }

void CheckWrites(Opened& o) {
  constexpr const char* kSysctl = "/proc/sys/kernel/panic_on_warn";
  const SymbolTarget warn{"panic_on_warn", "int", ""};
  REQUIRE(o.guest.ReadFile(kSysctl) == "0\n");
  REQUIRE(WriteKernel(o.view(), warn, KernelValue::Signed(4), KernelMode::kHot).ok());
  CHECK(o.guest.ReadFile(kSysctl) == "4\n");
  CHECK(o.WriteError(warn, KernelValue::OrMask(3)) == "or_mask needs the guest paused: use WriteKernelCold");
  CHECK(o.WriteError(warn, KernelValue::Signed(std::int64_t{1} << 31)) ==
        "panic_on_warn is a signed integer of 4 bytes; 2147483648 does not fit");
  {
    const vmm::MachinePause pause(o.guest.machine(), nullptr, "", 0);
    REQUIRE(pause.began().ok());
    const std::vector<vmm::KernelWrite> batch = {{warn, KernelValue::OrMask(1)},
                                                 {warn, KernelValue::OrMask(2)}};
    REQUIRE(WriteBatch(o.view(), batch, KernelMode::kCold).ok());
  }
  CHECK(o.guest.ReadFile(kSysctl) == "7\n");
  REQUIRE(WriteKernel(o.view(), warn, KernelValue::U32(0), KernelMode::kHot).ok());
  CHECK(o.guest.ReadFile(kSysctl) == "0\n");
}

TEST_CASE("kernel access: what is written the guest sees at once") { OnBothKernels(&CheckWrites); }

void CheckTasks(Opened& o) {
  o.Spin(1, 1, 1, "spinner");
  o.Run(std::chrono::milliseconds(100));
  const TaskTarget prio = Need(vmm::TaskByName(o.view(), "spinner", "prio"));
  CHECK(prio.expected_start_time_ns == StatField(o, prio.pid, 22) * vmm::kStartTimeTickNs);
  CHECK(o.Number(prio) == StatField(o, prio.pid, 18) + 100);
  const TaskTarget runtime{prio.pid, prio.expected_start_time_ns, "se.sum_exec_runtime"};
  const auto eventually = [&](const std::function<bool()>& holds) {
    bool held = holds();
    for (int i = 0; i < 1000 && !held; ++i) {
      o.Run(std::chrono::milliseconds(10));
      held = holds();
    }
    return held;
  };
  // The guest's time passes although the host has no time for its second CPU.
  const std::uint64_t before = o.Number(runtime);
  CHECK(eventually([&] { return o.Number(runtime) > before; }));

  // It is what its CPU runs, unless PID 1 is just about to answer there.
  const PerCpuTarget current{"runqueues", "curr->pid", 1};
  CHECK(eventually([&] { return static_cast<std::int32_t>(o.Number(current)) == prio.pid; }));
  CHECK(o.Number(PerCpuTarget{"runqueues", "nr_running", 1}) >= 1);
  CHECK(o.Number(PerCpuTarget{"runqueues", "cpu", 1}) == 1);
  CHECK(
      o.WriteError(runtime, KernelValue::Unsigned(0)) ==
      fmt::format(
          "task {}: not queued: on_rq is 1; use a work type that blocks, so that the task sleeps when it is "
          "written",
          prio.pid));
  CHECK_THAT(o.ReadError(TaskTarget{prio.pid, prio.expected_start_time_ns + 20'000'000, "prio"}, {}),
             Catch::StartsWith(fmt::format("task {}: start time: it started at ", prio.pid)));

  // kthreadd sleeps, but is a task of the fair class, whatever the kernel.
  const TaskTarget sleeper{2, StatField(o, 2, 22) * vmm::kStartTimeTickNs, "prio"};
  CHECK(o.WriteError(sleeper, KernelValue::Signed(120)) ==
        (o.guest.kernel().built ? "task 2: sched_ext: sched_class is fair_sched_class; only tasks of "
                                  "sched_ext can be written; attach a "
                                  "scheduler first"
                                : "task 2: sched_ext: this kernel has no sched_ext; only tasks of sched_ext "
                                  "can be written; take a kernel "
                                  "with CONFIG_SCHED_CLASS_EXT"));
}

TEST_CASE("kernel access: tasks are found, read and proven") { OnBothKernels(&CheckTasks); }

TEST_CASE("kernel access: a sleeping task of a sched_ext scheduler is written") {
  const auto file = CachedKernel("built");
  if (!file) return Skip("no kernel was built");
  TruthGuest truth(*file, Start::kClone);
  truth.Plant("scheduler");
  vmm::KernelFactsCache cache;
  const auto kernel = Need(truth.live().OpenKernel(cache));
  const KernelView view = kernel->Live();
  const TaskTarget vtime = Need(vmm::TaskByName(view, "kthreadd", "scx.dsq_vtime"));
  const auto value = [&] { return ToText(Need(ReadKernel(view, vtime, {}, KernelMode::kHot))); };
  Need(WriteKernel(view, vtime, KernelValue::U64(0x123456789a), KernelMode::kHot));
  CHECK(value() == "78187493530");
  const vmm::MachinePause pause(truth.live().machine(), nullptr, "", 0);
  REQUIRE(pause.began().ok());
  Need(WriteKernel(view, vtime, KernelValue::Unsigned(5), KernelMode::kCold));
  CHECK(value() == "5");
  const auto error =
      WriteKernel(view, KernelTarget(TaskTarget{2, vtime.expected_start_time_ns, "scx.weight"}),
                  KernelValue::Unsigned(std::uint64_t{1} << 32), KernelMode::kCold);
  REQUIRE_FALSE(error.ok());
  CHECK(error.error().message ==
        "scx.weight of task 2 is an unsigned integer of 4 bytes; 4294967296 does not fit");
}

/// The counters of a CPU in /proc/schedstat, which are those of struct rq.
vmm::SchedStats GuestsOwn(Opened& o, std::uint32_t cpu) {
  std::istringstream lines(o.guest.ReadFile("/proc/schedstat"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t legacy = 0, rq_cpu_time = 0;
    vmm::SchedStats s;
    words >> name >> s.yld_count >> legacy >> s.sched_count >> s.sched_goidle >> s.ttwu_count >>
        s.ttwu_local >> rq_cpu_time >> s.run_delay >> s.pcount;
    if (name == "cpu" + std::to_string(cpu)) return s;
  }
  throw std::runtime_error("no such CPU");
}

void CheckMonitor(Opened& o) {
  auto sampler = Need(vmm::MonitorSampler::Create(o.view(), o.guest.machine().pid()));
  CHECK(sampler.series().shared_vcpu_thread);
  o.Spin(1, 8, 0, "");
  const vmm::SchedStats own[2] = {GuestsOwn(o, 0), GuestsOwn(o, 1)};
  for (int i = 0; i < 10; ++i) {
    o.guest.Await(std::chrono::milliseconds(100));  // without a request, so that PID 1 sleeps and CPU 1 idles
    sampler.Sample();
  }
  const vmm::MonitorSeries& series = sampler.series();
  const vmm::MonitorJudgement judged = JudgeMonitor(series, {});
  for (const std::string& violation : judged.violations) UNSCOPED_INFO(violation);
  CHECK(judged.outcome == vmm::MonitorJudgement::Outcome::kFailed);
  CHECK(judged.text == "monitor FAILED: 1 violation(s)");
  CHECK(judged.summary.max_imbalance >= 8);
  CHECK(judged.summary.dropped == 0);
  REQUIRE(judged.violations.size() == 1);
  CHECK_THAT(
      judged.violations[0],
      Catch::Matches("imbalance [0-9]+\\.0 \\(limit 4\\.0\\): CPU 0 had [0-9]+ runnable, CPU 1 had [01]; "
                     "[0-9]+ samples in a row, .*"));
  const vmm::CpuSample& first = series.samples.front().cpus.at(0);
  const vmm::CpuSample& last = series.samples.back().cpus.at(0);
  CHECK(last.rq_clock > first.rq_clock);
  CHECK(last.vcpu_ns.value() > first.vcpu_ns.value());
  CHECK(last.scx_nr_running.has_value() == o.guest.kernel().built);
  CHECK(last.local_dsq_depth.has_value() == o.guest.kernel().built);
  // The counters go on from what the guest itself says to what it says later.
  const vmm::SchedStats then = GuestsOwn(o, 0);
  for (const auto member :
       {&vmm::SchedStats::run_delay, &vmm::SchedStats::pcount, &vmm::SchedStats::sched_count,
        &vmm::SchedStats::ttwu_count, &vmm::SchedStats::ttwu_local}) {
    CHECK(own[0].*member <= (*first.schedstats).*member);
    CHECK((*first.schedstats).*member <= (*last.schedstats).*member);
    CHECK((*last.schedstats).*member <= then.*member);
  }
  CHECK(judged.summary.schedstats.run_delay > 0);
  CHECK(own[1].sched_goidle <= series.samples.back().cpus.at(1).schedstats->sched_goidle);
}

TEST_CASE("monitor: eight spinners on one CPU of two are an imbalance") { OnBothKernels(&CheckMonitor); }

// guest_tests "[.measure]" prints what single accesses and samples cost.
void Measure(Opened& o) {
  using Clock = std::chrono::steady_clock;
  constexpr int kReads = 20'000;
  o.Spin(1, 2, 0, "spinner");
  const auto time = [](int count, const std::function<void()>& run) {
    const auto start = Clock::now();
    for (int i = 0; i < count; ++i) run();
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count() / count;
  };
  const KernelView view = o.view();
  const double symbol = time(kReads, [&] {
    o.Number(SymbolTarget{"jiffies_64", "", ""}, KernelWidth::U64());
  });
  const double field = time(kReads, [&] { o.Number(PerCpuTarget{"runqueues", "curr->pid", 0}); });
  const double task = time(200, [&] { Need(vmm::TaskByName(view, "kthreadd", "prio")); });
  auto sampler = Need(vmm::MonitorSampler::Create(view, o.guest.machine().pid()));
  const double sample = time(1000, [&] { sampler.Sample(); });
  const auto judged = JudgeMonitor(sampler.series(), {});
  WARN(fmt::format(
      "{}: hot u64 {:.2f} us, field through a pointer {:.2f} us, task by name {:.0f} us, sample of 2 CPUs "
      "{:.1f} us ({:.3f} % of a CPU at 10 Hz), torn {} of 2000",
      o.guest.kernel().version, symbol, field, task, sample, sampler.cost_ms() / 1000,
      judged.summary.dropped));
}

TEST_CASE("kernel access: costs", "[.measure]") { OnBothKernels(&Measure); }

}  // namespace
}  // namespace ktstr::test
