// What looking into a guest costs: the guest, and who looks. Prints one JSON object: name -> list of measured
// values. Guests run $KTSTR_KERNEL, else the kernel that `kernel build` made, else Debian's.
//
//   bench_observe capture CPUS      a guest of about 200 tasks and bpf_truth's maps: captures, and
//                                   pauses with nothing between
//   bench_observe reads boot|clone  a u64 by symbol: while the guest runs, by QEMU's monitor, by its stub
//   bench_observe monitor CPUS      samples of a busy guest, 10 per second
//   bench_observe watch             writes to a place that is written all the time
//   bench_observe open              GuestKernel::Open() of the first guest, of a further clone
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "test/guest/truth_guest.h"
#include "vmm/introspection/capture/capture.h"
#include "vmm/introspection/kernel/kernel_access.h"
#include "vmm/introspection/memory/pause.h"
#include "vmm/introspection/memory/registers.h"
#include "vmm/introspection/monitor/monitor_sampler.h"
#include "vmm/introspection/watch/watchpoints.h"
#include "workloads/work_type.h"

namespace {

using namespace ktstr;
using nlohmann::json;
using test::LiveGuest;
using test::Need;
using test::Start;
using Clock = std::chrono::steady_clock;

constexpr int kCaptures = 25;
constexpr std::size_t kTasks = 200;
constexpr int kReadRounds = 50;
constexpr int kReadsAtOnce = 200;  // so that asking the clock does not count
constexpr int kSlowReads = 10;     // by monitor and stub, a round
constexpr int kSamples = 50;
constexpr std::chrono::milliseconds kSampleEvery{100};
constexpr std::chrono::seconds kWatchTime{1};
constexpr int kWatchRounds = 7;
constexpr int kClones = 20;
constexpr const char* kVariable = "jiffies_64";
constexpr std::chrono::seconds kPatience{30};

double Microseconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e3; }
double Milliseconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e6; }

vmm::Kernel BenchKernel() {
  if (const char* const wanted = std::getenv("KTSTR_KERNEL"))
    return Need(vmm::ResolveKernel({"", wanted}, {}));
  for (const char* kind : {"built", "fetched"})
    if (const auto kernel = test::CachedKernel(kind)) return *kernel;
  throw std::runtime_error("no kernel is cached: run `ktstr-interp kernel build`");
}

vmm::MachineConfig WithCpus(std::uint32_t cpus) {
  vmm::MachineConfig config;
  config.topology = {1, 1, cpus, 1};
  return config;
}

/// Lets so much of the guest's time pass.
void Pass(LiveGuest& guest, std::chrono::nanoseconds time) {
  const Reply reply = guest.Call(Hold{static_cast<std::uint64_t>(time.count()), false});
  if (!reply.error.empty()) throw std::runtime_error(reply.error);
}

/// Once a guest.
void StartWorkersOf(LiveGuest& guest, std::uint32_t count, const char* type_name,
                    std::vector<std::uint32_t> affinity = {}) {
  StartWorkers request;
  request.group = 1;
  request.count = count;
  request.affinity = std::move(affinity);
  request.work_type = type_name;
  request.comm = "work";
  request.seed = 1;
  const WorkTypeDecl* type = FindWorkType(type_name);
  std::vector<std::byte> params;
  EncodeStruct(type->params(), AnyStruct(type->params()).data(), params);
  for (const std::byte b : params) request.work_params.push_back(std::to_integer<std::uint8_t>(b));
  const Reply reply = guest.Call(request);
  if (!reply.error.empty()) throw std::runtime_error(reply.error);
}

// ---- captures ----------------------------------------------------------------------------------------

/// What a run does for a snapshot (interpreter/run/guest_observer.cpp), with each part's time.
class Captures {
 public:
  explicit Captures(LiveGuest& guest) : guest_(guest), kernel_(Need(guest.OpenKernel(cache_))) {
    layout_ = vmm::KernelLayout::Of(kernel_->facts());
  }

  vmm::SnapshotReport One(json& series) {
    vmm::PauseLog log(Clock::now());
    vmm::RawCapture raw;
    {
      vmm::MachinePause pause(guest_.machine(), &log, "capture", 0);
      Need(pause.began());
      const auto stopped = Clock::now();
      auto registers = Registers();
      const auto copying = Clock::now();
      vmm::PausedMemory paused = kernel_->Paused();
      raw = vmm::Collect(vmm::KernelView(kernel_->facts(), paused), *layout_, btfs_, std::move(registers));
      series["copy_ms"].push_back(Milliseconds(Clock::now() - copying));
      series["registers_ms"].push_back(Milliseconds(copying - stopped));
      Need(pause.End());
    }
    series["pause_ms"].push_back(static_cast<double>(log.All().duration_ns) / 1e6);
    const auto rendering = Clock::now();
    vmm::SnapshotReport report = vmm::Render(raw, kernel_->facts(), *layout_, btfs_);
    series["render_ms"].push_back(Milliseconds(Clock::now() - rendering));
    return report;
  }

  void Empty(json& series) {
    vmm::PauseLog log(Clock::now());
    {
      vmm::MachinePause pause(guest_.machine(), &log, "nothing", 0);
      Need(pause.began());
    }
    series["empty_ms"].push_back(static_cast<double>(log.All().duration_ns) / 1e6);
  }

 private:
  std::vector<std::optional<vmm::VcpuRegisters>> Registers() {
    std::vector<std::optional<vmm::VcpuRegisters>> all;
    for (const vmm::CpuRegisters& cpu : Need(vmm::ReadRegisters(guest_.machine(), vmm::After(kPatience)))) {
      vmm::VcpuRegisters& kept = all.emplace_back().emplace();
      kept.instruction_pointer = cpu.rip;
      kept.stack_pointer = cpu.rsp;
      kept.page_table_root = cpu.cr3;
    }
    return all;
  }

  LiveGuest& guest_;
  vmm::KernelFactsCache cache_;
  std::unique_ptr<vmm::GuestKernel> kernel_;
  std::shared_ptr<const vmm::KernelLayout> layout_;
  vmm::BtfCache btfs_;
};

json MeasureCaptures(std::uint32_t cpus, bool churn) {
  test::TruthGuest truth(BenchKernel(), Start::kClone, WithCpus(cpus));
  truth.Plant("scheduler");
  if (churn) truth.Plant("churn");
  LiveGuest& guest = truth.live();
  Captures captures(guest);
  json first;  // the first one copies the maps' types, and tells how many tasks there are without ours
  const std::size_t tasks = captures.One(first).tasks.size();
  if (tasks < kTasks) StartWorkersOf(guest, static_cast<std::uint32_t>(kTasks - tasks), "Bursty");
  json series;
  series["first_pause_ms"] = first["pause_ms"];
  for (int round = 0; round < kCaptures; ++round) {
    Pass(guest, std::chrono::milliseconds(20));
    captures.Empty(series);
    Pass(guest, std::chrono::milliseconds(20));
    const vmm::SnapshotReport report = captures.One(series);
    if (report.dump_truncated_at_us) throw std::runtime_error("a capture ran out of time");
    series["maps"].push_back(report.maps.size());
    series["tasks"].push_back(report.tasks.size());
  }
  return series;
}

// ---- a hot read --------------------------------------------------------------------------------------

json MeasureReads(Start start) {
  LiveGuest guest(BenchKernel(), start);
  vmm::KernelFactsCache cache;
  const auto kernel = Need(guest.OpenKernel(cache));
  vmm::Machine& machine = guest.machine();
  const std::uint64_t address = Need(kernel->Live().Symbol(kVariable));
  const std::uint64_t physical = kernel->space().Translate(address).value().physical;
  Need(machine.Pause());
  vmm::GdbClient gdb = Need(vmm::GdbClient::Attach(machine));
  Need(machine.Resume());

  vmm::AddressSpace tables(kernel->memory(), kernel->space().root());  // which has no windows
  const vmm::KernelView walking(kernel->facts(), tables);
  const vmm::KernelTarget target = vmm::SymbolTarget{kVariable, "", ""};
  const std::string command = fmt::format("xp /1gx {:#x}", physical);
  json series;
  const auto time = [&series](const char* name, int count, const auto& read) {
    const auto begin = Clock::now();
    for (int i = 0; i < count; ++i) read();
    series[name].push_back(Microseconds(Clock::now() - begin) / count);
  };
  std::uint64_t sum = 0;
  for (int round = 0; round < kReadRounds; ++round) {  // in turns, so that other load hits all
    time("hot_us", kReadsAtOnce, [&] {
      sum += Need(vmm::ReadKernel(kernel->Live(), target, vmm::KernelWidth::U64(), vmm::KernelMode::kHot))
                 .number;
    });
    time("walk_us", kReadsAtOnce, [&] {
      sum += Need(vmm::ReadKernel(walking, target, vmm::KernelWidth::U64(), vmm::KernelMode::kHot)).number;
    });
    time("monitor_us", kSlowReads, [&] {
      Need(machine.Command("human-monitor-command", {{"command-line", command}}, vmm::After(kPatience)));
    });
    Need(machine.Pause());
    Need(gdb.OnReadable());
    time("stub_us", kSlowReads, [&] {
      std::byte bytes[8];
      Need(gdb.ReadMemory(address, bytes));
    });
    Need(machine.Resume());
    while (gdb.TakeStop()) continue;
  }
  if (sum == 0) throw std::runtime_error("nothing was read");
  return series;
}

// ---- the monitor -------------------------------------------------------------------------------------

json MeasureMonitor(std::uint32_t cpus) {
  LiveGuest guest(BenchKernel(), Start::kClone, WithCpus(cpus));
  vmm::KernelFactsCache cache;
  const auto kernel = Need(guest.OpenKernel(cache));
  StartWorkersOf(guest, cpus, "SpinWait");
  vmm::MonitorSampler sampler = Need(vmm::MonitorSampler::Create(kernel->Live(), guest.machine().pid()));
  json series;
  const auto begin = Clock::now();
  for (int i = 0; i < kSamples; ++i) {
    Pass(guest, kSampleEvery);
    sampler.Sample();
  }
  const double passed = Milliseconds(Clock::now() - begin);
  series["sample_us"].push_back(sampler.cost_ms() * 1e3 / kSamples);
  // At 10 Hz, however much later than asked the samples came.
  series["percent"].push_back(sampler.cost_ms() / kSamples * 10 / 1000 * 100);
  series["rate"].push_back(kSamples * 1e3 / passed);
  return series;
}

// ---- watches -----------------------------------------------------------------------------------------

/// Fires of one watch for some host time, and the share of it in which the guest was paused.
void MeasureWatch(vmm::WatchMode mode, vmm::PauseLimits limits, json& series) {
  LiveGuest guest(BenchKernel(), Start::kClone);
  vmm::KernelFactsCache cache;
  const auto kernel = Need(guest.OpenKernel(cache));
  StartWorkersOf(guest, 2, "YieldHeavy", {0});
  vmm::Machine& machine = guest.machine();
  const auto watches =
      Need(vmm::Watchpoints::Attach({machine, kernel->space(), vmm::Accel::kTcg,
                                     [&](std::uint64_t at) { return kernel->Live().Symbolize(at); },
                                     [] { return 0U; }, [](const vmm::WatchFire&) {}, limits}));
  vmm::WatchSpec spec;
  spec.address =
      Need(kernel->Live().PerCpu("runqueues", 0)) + Need(kernel->facts().btf->Path("rq.clock")).offset;
  spec.mode = mode;
  spec.max = UINT32_MAX;
  const vmm::WatchId id = Need(watches->Arm(spec));
  const auto paused_before = machine.paused_time();
  const auto begin = Clock::now();
  while (Clock::now() - begin < kWatchTime) {
    const Result<> pumped = machine.Pump(std::min(vmm::After(std::chrono::milliseconds(20)),
                                                  watches->NextDue().value_or(vmm::Deadline::max())));
    if (!pumped.ok() && pumped.error().kind != ErrorKind::kTimeout)
      throw std::runtime_error(pumped.error().message);
    Need(watches->Tick());
  }
  const double passed = Milliseconds(Clock::now() - begin);
  const double writes = static_cast<double>(watches->Stats(id).writes);
  series["per_second"].push_back(writes * 1e3 / passed);
  series["paused_percent"].push_back(Milliseconds(machine.paused_time() - paused_before) / passed * 100);
}

json MeasureWatches() {
  const vmm::PauseLimits all{std::chrono::hours(1), 100};
  json series;
  for (int round = 0; round < kWatchRounds; ++round) {  // a guest each, as each has its own stub
    MeasureWatch(vmm::WatchMode::kCount, all, series["count"]);
    MeasureWatch(vmm::WatchMode::kValue, all, series["value"]);
    MeasureWatch(vmm::WatchMode::kCount, vmm::PauseLimits(), series["count_in_budget"]);
  }
  return series;
}

// ---- opening -----------------------------------------------------------------------------------------

json MeasureOpen() {
  const vmm::Kernel file = BenchKernel();
  const auto cache = std::make_unique<vmm::KernelFactsCache>();
  json series;
  for (int i = 0; i < kClones; ++i) {
    LiveGuest guest(file, Start::kClone);
    vmm::KernelFactsCache fresh;
    for (vmm::KernelFactsCache* facts : {&fresh, cache.get()}) {
      const auto begin = Clock::now();
      const auto kernel = Need(guest.OpenKernel(*facts));
      const double took = Milliseconds(Clock::now() - begin);
      if (facts == &fresh) series["first_ms"].push_back(took);
      if (facts != &fresh && i > 0) series["again_ms"].push_back(took);
    }
  }
  return series;
}

json Measure(const std::string& mode, const std::string& argument, bool churn) {
  const auto cpus = static_cast<std::uint32_t>(std::atoi(argument.c_str()));
  if (mode == "capture" && cpus > 0) return MeasureCaptures(cpus, churn);
  if (mode == "monitor" && cpus > 0) return MeasureMonitor(cpus);
  if (mode == "reads" && argument == "boot") return MeasureReads(Start::kBoot);
  if (mode == "reads" && argument == "clone") return MeasureReads(Start::kClone);
  if (mode == "watch") return MeasureWatches();
  if (mode == "open") return MeasureOpen();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const json series = Measure(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "",
                                argc > 3 && std::string(argv[3]) == "churn");
    if (series.empty()) {
      std::fputs(
          "usage: bench_observe capture CPUS [churn] | reads boot|clone | monitor CPUS | watch | open\n",
          stderr);
      return 64;
    }
    std::puts(series.dump().c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_observe: %s\n", error.what());
    return 2;
  }
}
