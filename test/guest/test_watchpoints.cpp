// Write watchpoints in real guests, and what QEMU's debugger stub shows held against what the host sees
// itself.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <utility>

#include "guest-init/wire/codec.h"
#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"
#include "vmm/introspection/memory/pause.h"
#include "vmm/introspection/memory/registers.h"
#include "vmm/introspection/watch/watchpoints.h"
#include "workloads/work_type.h"

/// Old and new value of a write: "0 -> 1".
template <>
struct Catch::StringMaker<std::pair<std::int64_t, std::int64_t>> {
  static std::string convert(const std::pair<std::int64_t, std::int64_t>& write) {
    return std::to_string(write.first) + " -> " + std::to_string(write.second);
  }
};

namespace ktstr::test {
namespace {

using vmm::WatchCondition;
using vmm::WatchFire;
using vmm::WatchId;
using vmm::WatchMode;
using vmm::WatchSpec;
using Op = vmm::WatchCondition::Op;

/// Enough for every write of a test, however slow the host, and so little afterwards that a watch which loses
/// its burst shows.
constexpr vmm::PauseLimits kBurst{std::chrono::minutes(10), 1};
/// So little that a place which is written to all the time is paced on every host.
constexpr vmm::PauseLimits kTight{std::chrono::milliseconds(20), 5};

/// A guest, its kernel and its watches.
struct Watched {
  Watched(const vmm::Kernel& file, Start start, vmm::PauseLimits limits, vmm::MachineConfig config = {})
      : guest(file, start, std::move(config)), kernel(Need(guest.OpenKernel(cache))) {
    watches = Need(vmm::Watchpoints::Attach({
        guest.machine(),
        kernel->space(),
        vmm::Accel::kTcg,
        [this](std::uint64_t at) { return kernel->Live().Symbolize(at); },
        [this] {
          if (on_phase) std::exchange(on_phase, nullptr)();
          return phase;
        },
        [this](const WatchFire& fire) {
          fires.push_back(fire);
          if (on_fire) on_fire(fire);
        },
        limits,
    }));
  }

  std::uint64_t At(const char* symbol) { return Need(kernel->Live().Symbol(symbol)); }
  WatchId Arm(const char* symbol, std::uint32_t bytes, WatchMode mode, WatchSpec spec = {}) {
    spec.tag = symbol;
    spec.address = At(symbol);
    spec.bytes = bytes;
    spec.mode = mode;
    return Need(watches->Arm(spec));
  }
  std::string ArmError(WatchSpec spec) {
    const auto armed = watches->Arm(spec);
    return armed.ok() ? "armed" : armed.error().message;
  }
  /// Time of the guest passes, in which watches come and go.
  void Run(std::chrono::milliseconds time) {
    constexpr std::chrono::milliseconds kStep{20};
    for (auto left = time; left.count() > 0; left -= kStep) {
      REQUIRE(guest.Call(Hold{static_cast<std::uint64_t>(std::chrono::nanoseconds(kStep).count()), false})
                  .error.empty());
      REQUIRE(watches->Tick().ok());
    }
  }
  void Write(const char* sysctl, int value) {
    const std::string path = std::string("/proc/sys/kernel/") + sysctl;
    // What comes after the writing, such files have not.
    const Reply reply = guest.Call(PutFile{path, 0644, true, std::to_string(value)});
    REQUIRE(reply.error == "setting the mode of " + path + ": Operation not permitted");
  }
  /// A worker for each CPU.
  void Work(const char* type_name) {
    for (const std::uint32_t cpu : {0U, 1U}) {
      StartWorkers request;
      request.group = ++group;
      request.work_type = type_name;
      request.affinity = {cpu};
      request.comm = "work";
      request.seed = 1;
      const WorkTypeDecl* type = FindWorkType(request.work_type);
      std::vector<std::byte> params;
      EncodeStruct(type->params(), AnyStruct(type->params()).data(), params);
      for (const std::byte b : params) request.work_params.push_back(std::to_integer<std::uint8_t>(b));
      REQUIRE(guest.Call(request).error.empty());
    }
  }

  vmm::KernelFactsCache cache;
  LiveGuest guest;
  std::unique_ptr<vmm::GuestKernel> kernel;
  std::uint32_t phase = 7;
  std::vector<WatchFire> fires;
  std::function<void(const WatchFire&)> on_fire;
  std::function<void()> on_phase;             // in the midst of a write that is handled
  std::unique_ptr<vmm::Watchpoints> watches;  // goes before what it uses
  std::uint32_t group = 0;
};

std::vector<std::pair<std::int64_t, std::int64_t>> Values(const std::vector<WatchFire>& fires, WatchId id) {
  std::vector<std::pair<std::int64_t, std::int64_t>> values;
  for (const WatchFire& fire : fires)
    if (fire.watch == id)
      values.emplace_back(static_cast<std::int32_t>(fire.old_value),
                          static_cast<std::int32_t>(fire.new_value));
  return values;
}

/// A burst of fifty writes, none of which is lost.
void ExpectTicks(Watched& guest) {
  guest.phase = 7;
  guest.Work("SpinWait");
  guest.on_fire = [&](const WatchFire& fire) {
    CHECK(guest.kernel->Live().Load<std::uint64_t>(guest.At("jiffies_64")) == fire.new_value);
  };
  WatchSpec spec;
  spec.max = 50;
  const WatchId id = guest.Arm("jiffies_64", 8, WatchMode::kValue, spec);
  guest.fires.clear();
  while (guest.watches->armed() > 0) guest.Run(std::chrono::milliseconds(20));
  const vmm::WatchStats& stats = guest.watches->Stats(id);
  REQUIRE(guest.fires.size() == 50);
  CHECK(stats.writes == 50);
  CHECK(stats.told == 50);
  CHECK(stats.suspended == 0);
  CHECK(stats.at_least);
  CHECK(stats.pause_time().count() > 0);
  CHECK(stats.by_phase.size() == 1);
  CHECK(stats.by_phase.count(7) == 1);
  for (std::size_t i = 0; i < guest.fires.size(); ++i) {
    const WatchFire& fire = guest.fires[i];
    if (i > 0) CHECK(fire.old_value == guest.fires[i - 1].new_value);
    CHECK(fire.number == i + 1);
    CHECK(fire.new_value > fire.old_value);  // a late tick adds several
    CHECK(fire.cpu < 2);
    CHECK_THAT(fire.symbol, Catch::StartsWith("tick_") || Catch::StartsWith("do_timer"));
  }
  guest.on_fire = nullptr;
}

void ExpectOrder(Watched& guest) {
  guest.fires.clear();
  const WatchId all = guest.Arm("panic_on_warn", 4, WatchMode::kValue);
  WatchSpec negative;
  negative.when = WatchCondition{Op::kLess, 0, true};
  const WatchId below = guest.Arm("panic_timeout", 4, WatchMode::kValue, negative);
  WatchSpec second;
  second.every = 2;
  second.max = 2;
  const WatchId each_second = guest.Arm("print_fatal_signals", 4, WatchMode::kValue, second);
  guest.phase = 9;
  for (const int value : {1, 0, 0, 1, 0}) guest.Write("panic_on_warn", value);
  for (const int value : {5, -3, -1}) guest.Write("panic", value);
  for (const int value : {1, 2, 3, 4, 5, 6}) guest.Write("print-fatal-signals", value);
  using Pairs = std::vector<std::pair<std::int64_t, std::int64_t>>;
  CHECK(Values(guest.fires, all) == Pairs{{0, 1}, {1, 0}, {0, 0}, {0, 1}, {1, 0}});
  CHECK(Values(guest.fires, below) == Pairs{{5, -3}, {-3, -1}});
  CHECK(Values(guest.fires, each_second) == Pairs{{1, 2}, {3, 4}});
  for (const WatchFire& fire : guest.fires) {
    CHECK(fire.phase == 9);
    CHECK_THAT(fire.symbol, Catch::Contains("do_proc_") && Catch::Contains("conv"));
  }
  CHECK(guest.watches->Stats(all).writes == 5);
  CHECK_FALSE(guest.watches->Stats(all).at_least);
  CHECK(guest.watches->Stats(below).writes == 3);
  CHECK(guest.watches->Stats(below).matched == 2);
  CHECK(guest.watches->Stats(each_second).writes == 4);
  CHECK_FALSE(guest.watches->Stats(each_second).armed);
  CHECK(guest.watches->Stats(each_second).at_least);
  REQUIRE(guest.watches->DisarmAll().ok());
}

/// Who is told of a write finds the guest paused right after it, and can look around.
void ExpectALook(Watched& guest) {
  guest.fires.clear();
  vmm::Machine& machine = guest.guest.machine();
  std::uint64_t looks = 0;
  guest.on_fire = [&](const WatchFire& fire) {
    vmm::MachinePause pause(machine, nullptr, "", 0);
    CHECK(pause.began().ok());
    const auto registers = Need(vmm::ReadRegisters(machine, vmm::After(std::chrono::seconds(10))));
    CHECK(registers.at(fire.cpu).rip == fire.instruction);
    CHECK(pause.End().ok());
    CHECK(machine.Resume().ok());
    CHECK_FALSE(machine.running());
    CHECK(guest.kernel->Live().Load<std::uint32_t>(guest.At("panic_on_warn")) == fire.new_value);
    ++looks;
  };
  const WatchId id = guest.Arm("panic_on_warn", 4, WatchMode::kFull);
  for (const int value : {1, 0}) guest.Write("panic_on_warn", value);
  CHECK(looks == 2);
  CHECK(machine.running());
  CHECK(guest.watches->Stats(id).told == 2);
  guest.on_fire = nullptr;
  REQUIRE(guest.watches->Disarm(id).ok());
}

/// A stop that QMP asked for may come just when a CPU has written: QEMU then never reports that write.
void ExpectWritesAtStops(Watched& guest) {
  constexpr int kWrites = 200;
  vmm::Machine& machine = guest.guest.machine();
  const std::uint64_t at = guest.At("print_fatal_signals");
  const auto written = [&] { return guest.kernel->Live().Load<std::int32_t>(at); };
  guest.Write("print-fatal-signals", 0);
  guest.fires.clear();
  const WatchId id = guest.Arm("print_fatal_signals", 4, WatchMode::kValue);
  std::vector<std::pair<std::int64_t, std::int64_t>> expected;
  for (int value = 1; value <= kWrites; ++value) {
    expected.emplace_back(value - 1, value);
    const std::uint32_t request = guest.guest.Post(
        AnyStruct::Of(PutFile{"/proc/sys/kernel/print-fatal-signals", 0644, true, std::to_string(value)}));
    while (written() != value) {
      {
        vmm::MachinePause pause(machine, nullptr, "", 0);
        REQUIRE(pause.began().ok());
        REQUIRE(pause.End().ok());
      }
      // A write may have stopped the machine meanwhile; somebody has to look.
      static_cast<void>(machine.Pump(vmm::After(std::chrono::nanoseconds{0})));
    }
    guest.guest.Answer(request);
  }
  REQUIRE(guest.watches->Disarm(id).ok());
  CHECK(Values(guest.fires, id) == expected);
  CHECK(guest.watches->Stats(id).writes == kWrites);
  for (const WatchFire& fire : guest.fires)
    if (fire.instruction != 0) CHECK_THAT(fire.symbol, Catch::Contains("do_proc_"));
}

void ExpectSameBytes(Watched& guest) {
  vmm::Machine& machine = guest.guest.machine();
  const vmm::MachinePause pause(machine, nullptr, "", 0);
  vmm::GdbClient& gdb = guest.watches->gdb();
  vmm::GdbMemory memory(gdb);
  for (const char* symbol : {"init_task", "linux_banner", "jiffies_64", "init_top_pgt"}) {
    INFO(symbol);
    std::vector<std::byte> ours(3000), stubs(3000), physical(8);
    REQUIRE(guest.kernel->space().Read(guest.At(symbol), ours));
    REQUIRE(memory.Read(guest.At(symbol), stubs));
    CHECK(ours == stubs);
    REQUIRE(gdb.UsePhysicalAddresses(true).ok());
    REQUIRE(memory.Read(guest.kernel->space().Translate(guest.At(symbol))->physical, physical));
    REQUIRE(gdb.UsePhysicalAddresses(false).ok());
    CHECK(std::equal(physical.begin(), physical.end(), ours.begin()));
  }
  const auto registers = Need(vmm::ReadRegisters(machine, vmm::After(std::chrono::seconds(10))));
  for (const std::uint32_t cpu : {0U, 1U}) {
    CHECK(Need(gdb.ReadRegister(cpu, vmm::GdbRegister::kRip)) == registers[cpu].rip);
    CHECK(Need(gdb.ReadRegister(cpu, vmm::GdbRegister::kRsp)) == registers[cpu].rsp);
  }
  CHECK(gdb.ReadRegister(2, vmm::GdbRegister::kRip).error().message ==
        "QEMU's debugger stub refused 'Hg3': E22");
  std::vector<std::byte> none(8);
  CHECK(gdb.ReadMemory(0xffff000000000000, none).error().message ==
        "QEMU's debugger stub refused 'mffff000000000000,8': E14");
  const std::uint64_t at = guest.At("print_fatal_signals");
  const std::uint32_t value = 0x11223344;
  REQUIRE(memory.Write(at, std::as_bytes(std::span(&value, 1))));
  CHECK(guest.kernel->Live().Load<std::uint32_t>(at) == value);
}

void ExpectErrors(Watched& guest) {
  const std::uint64_t at = guest.At("panic_on_warn");
  WatchSpec spec{"x", 0, 4, {}, 1, 10, WatchMode::kCount};
  CHECK(guest.ArmError(spec) == "address 0 cannot be watched");
  spec.address = 0x1000;
  CHECK(guest.ArmError(spec) == "0x1000 is not a kernel address");
  spec.address = 0xffff000000000000;
  CHECK(guest.ArmError(spec) == "0xffff000000000000 is not mapped in the guest");
  spec.address = 0xffffffff80000002;
  CHECK(guest.ArmError(spec) == "0xffffffff80000002 is not aligned to its 4 bytes");
  spec.address = at;
  spec.bytes = 3;
  CHECK(guest.ArmError(spec) == "a watch has 1, 2, 4 or 8 bytes, not 3");
  spec.bytes = 4;
  spec.every = 0;
  CHECK(guest.ArmError(spec) == "a watch tells of every Nth write, and N is at least 1");
  CHECK(guest.watches->armed() == 0);
  spec.every = 1;
  CHECK(guest.ArmError(spec) == "armed");
  spec.bytes = 1;
  spec.address += 3;
  CHECK(guest.ArmError(spec) == "it overlaps the watch 'x'");
  REQUIRE(guest.watches->DisarmAll().ok());
  spec.address = guest.At("init_task");
  for (std::size_t i = 0; i < vmm::WatchCap(vmm::Accel::kTcg); ++i, ++spec.address)
    REQUIRE(guest.ArmError(spec) == "armed");
  CHECK(guest.ArmError(spec) == "all 128 watchpoints of the machine are in use");
  REQUIRE(guest.watches->DisarmAll().ok());
  CHECK(guest.watches->armed() == 0);
}

/// Places that all CPUs write to all the time: they are paced, and the guest goes on.
void ExpectHotPlaces(Watched& guest) {
  guest.Work("YieldHeavy");
  vmm::Machine& machine = guest.guest.machine();
  const auto clock = Need(guest.kernel->facts().btf->Path("rq.clock"));
  std::vector<WatchId> ids;
  for (const std::uint32_t cpu : {0U, 1U}) {
    WatchSpec spec;
    spec.tag = "clock";
    spec.address = Need(guest.kernel->Live().PerCpu("runqueues", cpu)) + clock.offset;
    ids.push_back(Need(guest.watches->Arm(spec)));
  }
  const std::uint64_t clock_before = guest.guest.Call(Ping{}).clock_ns;
  const auto host_before = std::chrono::steady_clock::now();
  const auto paused_before = machine.paused_time();
  const auto paced = [&](WatchId id) { return guest.watches->Stats(id).suspended >= 3; };
  while (!std::all_of(ids.begin(), ids.end(), paced)) guest.Run(std::chrono::milliseconds(100));
  // What a burst took is paid back: most of the time the guest runs.
  const auto paused_pct = [&] {
    return (machine.paused_time() - paused_before) * 100 / (std::chrono::steady_clock::now() - host_before);
  };
  while (paused_pct() >= 30) guest.Run(std::chrono::milliseconds(100));
  CHECK(guest.guest.Call(Ping{}).clock_ns > clock_before + 100'000'000);
  for (const WatchId id : ids) {
    const vmm::WatchStats& stats = guest.watches->Stats(id);
    CHECK(stats.writes >= stats.suspended);  // none is suspended before it has seen one
    CHECK(stats.matched == stats.writes);
    CHECK(stats.told == 0);
    CHECK(stats.at_least);
    CHECK(stats.armed);
  }
}

/// More stops than QEMU's socket holds notes of them, each of which may meet a write.
void ExpectStopsAndWrites(Watched& guest) {
  vmm::Machine& machine = guest.guest.machine();
  REQUIRE(guest.watches->armed() == 2);
  for (int i = 0; i < 500; ++i) {
    vmm::MachinePause pause(machine, nullptr, "", 0);
    REQUIRE(pause.began().ok());
    REQUIRE(pause.End().ok());
    if (i % 50 == 0) REQUIRE(guest.watches->Tick().ok());
  }
  REQUIRE(guest.watches->DisarmAll().ok());
  const vmm::WatchStats stats = guest.watches->Stats(0);
  CHECK_FALSE(stats.armed);
  guest.Run(std::chrono::milliseconds(100));
  CHECK(guest.watches->Stats(0).writes == stats.writes);
  CHECK(machine.running());
}

/// When two CPUs write at about the same moment, QEMU may stop a second time although it has told of the
/// write. A breakpoint makes such stops: by the stub, and for no write.
void ExpectStopsForNoWrite(Watched& guest) {
  vmm::Machine& machine = guest.guest.machine();
  const std::string breakpoint = fmt::format("0,{:x},1", guest.At("__x64_sys_sched_yield"));
  const auto ask = [&](const std::string& what) {
    vmm::MachinePause pause(machine, nullptr, "", 0);
    REQUIRE(pause.began().ok());
    CHECK(Need(guest.watches->gdb().Ask(what + breakpoint)) == "OK");
    REQUIRE(pause.End().ok());
  };
  const auto before = machine.paused_time_served();
  ask("Z");
  while (machine.paused_time_served() == before)
    REQUIRE(machine.Pump(vmm::After(std::chrono::seconds(100))).ok());
  ask("z");
  guest.Run(std::chrono::milliseconds(100));
  CHECK(machine.running());
}

/// QEMU ends while a write is handled, between two questions to its stub.
void ExpectEnd(Watched& guest) {
  const pid_t qemu = guest.guest.machine().pid();
  guest.Arm("panic_on_warn", 4, WatchMode::kValue);
  WatchSpec first;
  first.max = 1;
  guest.Arm("jiffies_64", 8, WatchMode::kValue, first);
  guest.on_phase = [qemu] {
    REQUIRE(::kill(qemu, SIGKILL) == 0);
    siginfo_t info{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(qemu), &info, WEXITED | WNOWAIT) == 0);
  };
  Result<> pumped;
  while (pumped.ok()) pumped = guest.guest.machine().Pump(vmm::After(std::chrono::seconds(10)));
  CHECK(pumped.error().message == "QEMU was killed by SIGKILL");
  CHECK_FALSE(guest.watches->DisarmAll().ok());
  WatchSpec spec;
  spec.address = guest.At("panic_on_warn");
  CHECK_FALSE(guest.watches->Arm(spec).ok());
}

void Examine(const std::string& kind, Start start) {
  const auto kernel = CachedKernel(kind);
  if (!kernel) return Skip("no kernel was " + kind);
  Watched guest(*kernel, start, kBurst);
  ExpectErrors(guest);
  ExpectOrder(guest);
  ExpectALook(guest);
  ExpectWritesAtStops(guest);
  ExpectSameBytes(guest);
  ExpectTicks(guest);
  ExpectEnd(guest);
}

TEST_CASE("watchpoints: a booted guest with our kernel") { Examine("built", Start::kBoot); }
TEST_CASE("watchpoints: a clone with our kernel") { Examine("built", Start::kClone); }
TEST_CASE("watchpoints: a booted guest with Debian's kernel") { Examine("fetched", Start::kBoot); }
TEST_CASE("watchpoints: a clone with Debian's kernel") { Examine("fetched", Start::kClone); }

void Pace(const std::string& kind) {
  const auto kernel = CachedKernel(kind);
  if (!kernel) return Skip("no kernel was " + kind);
  Watched guest(*kernel, Start::kClone, kTight);
  ExpectHotPlaces(guest);
  ExpectStopsAndWrites(guest);
  ExpectStopsForNoWrite(guest);
}

TEST_CASE("watchpoints: places written to all the time, with our kernel") { Pace("built"); }
TEST_CASE("watchpoints: places written to all the time, with Debian's kernel") { Pace("fetched"); }

TEST_CASE("watchpoints: with the virtual clock") {
  const auto kernel = CachedKernel("built");
  if (!kernel) return Skip("no kernel was built");
  vmm::MachineConfig config;
  config.clock = vmm::Clock::kVirtual;
  Watched guest(*kernel, Start::kBoot, kBurst, config);
  ExpectOrder(guest);
  ExpectTicks(guest);
}

}  // namespace
}  // namespace ktstr::test
