// Looking into real guests: both kernels, each booted and cloned.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"
#include "vmm/host/host_tsc.h"
#include "vmm/introspection/memory/pause.h"

namespace ktstr::test {
namespace {

using vmm::KernelView;

std::uint64_t Word(const KernelView& view, const char* symbol) {
  return view.Load<std::uint64_t>(Need(view.Symbol(symbol))).value();
}

std::string BannerOf(const KernelView& view) {
  const std::uint64_t at = Need(view.Symbol("linux_banner"));
  std::string text(512, '\0');
  text.resize(view.memory().ReadSome(at, std::as_writable_bytes(std::span(text))));
  return text.substr(0, text.find('\0'));
}

/// The guest's clock goes on while it waits for us, so ticks come without a sleep here.
void ExpectTicks(LiveGuest& guest, const KernelView& view) {
  const std::uint64_t before = Word(view, "jiffies_64");
  REQUIRE(guest.Call(Hold{100'000'000, false}).error.empty());
  CHECK(Word(view, "jiffies_64") > before);
}

void ExpectWritesSeen(LiveGuest& guest, const KernelView& view) {
  constexpr const char* kSysctl = "/proc/sys/kernel/panic_on_warn";
  const std::uint64_t at = Need(view.Symbol("panic_on_warn"));
  REQUIRE(guest.ReadFile(kSysctl) == "0\n");
  for (const std::int32_t ours : {1, 0}) {
    REQUIRE(view.memory().Write(at, std::as_bytes(std::span(&ours, 1))));
    CHECK(guest.ReadFile(kSysctl) == std::to_string(ours) + "\n");
  }
}

/// 300 ms in which the guest does nothing and of which its clock knows nothing.
void ExpectPauseUnseen(LiveGuest& guest, const KernelView& view) {
  constexpr std::chrono::milliseconds kLong{300};
  vmm::PauseLog log(std::chrono::steady_clock::now());
  const auto host_before = std::chrono::steady_clock::now();
  const std::uint64_t before = guest.Call(Ping{}).clock_ns;
  {
    vmm::MachinePause pause(guest.machine(), &log, "capture 'a'", 3);
    REQUIRE(pause.began().ok());
    const std::uint64_t ticks = Word(view, "jiffies_64");
    const vmm::MachinePause inner(guest.machine(), &log, "capture 'b'", 3);
    guest.Await(kLong);
    CHECK(Word(view, "jiffies_64") == ticks);
    CHECK_FALSE(guest.machine().running());
    CHECK(pause.duration() >= kLong);
    CHECK(inner.duration().count() == 0);
  }
  CHECK(guest.machine().running());
  const std::uint64_t after = guest.Call(Ping{}).clock_ns;
  const auto host_passed = std::chrono::steady_clock::now() - host_before;
  CHECK(after > before);
  CHECK(std::chrono::nanoseconds(after - before) <= host_passed - kLong);
  REQUIRE(log.entries().size() == 1);
  CHECK(log.entries()[0].reason == "capture 'a'");
  CHECK(log.entries()[0].phase == 3);
  CHECK(std::chrono::nanoseconds(log.entries()[0].duration_ns) >= kLong);
}

/// What QEMU itself has at the start of its RAM plus `physical`.
std::vector<std::byte> QemusBytes(const vmm::Machine& machine, std::uint64_t physical, std::size_t count) {
  const std::string process = "/proc/" + std::to_string(machine.pid());
  std::stringstream maps;
  maps << std::ifstream(process + "/maps").rdbuf();
  struct stat status {};
  REQUIRE(::fstat(machine.ram().front().get(), &status) == 0);
  const auto bytes = static_cast<std::uint64_t>(status.st_size);
  const vmm::FileMapping mapping =
      Need(vmm::FindMapping(maps.str(), {status.st_dev, status.st_ino, "", bytes}));
  std::vector<std::byte> found(count);
  const Fd memory(::open((process + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(::pread(memory.get(), found.data(), count, static_cast<off_t>(mapping.start + physical)) ==
          static_cast<ssize_t>(count));
  return found;
}

void ExpectSameBytesEitherWay(LiveGuest& guest, vmm::GuestKernel& kernel) {
  const vmm::MachinePause pause(guest.machine(), nullptr, "", 0);
  REQUIRE(pause.began().ok());
  vmm::PausedMemory paused = kernel.Paused();
  for (const char* symbol : {"init_task", "linux_banner", "jiffies_64", "init_top_pgt"}) {
    const std::uint64_t at = Need(kernel.Live().Symbol(symbol));
    std::vector<std::byte> live(3000), cached(3000), again(3000);
    REQUIRE(kernel.space().Read(at, live));
    REQUIRE(paused.Read(at, cached));
    REQUIRE(paused.Read(at, again));
    CHECK(live == cached);
    CHECK(live == again);
    const auto physical = kernel.space().Translate(at);
    REQUIRE(physical);
    const std::size_t count = 4096 - physical->physical % 4096;
    live.resize(std::min(live.size(), count));
    CHECK(QemusBytes(guest.machine(), physical->physical, live.size()) == live);
  }
}

void ExpectFacts(const LiveGuest& guest, const KernelView& view) {
  const vmm::KernelFacts& facts = view.facts();
  CHECK(facts.release == guest.kernel().version);
  CHECK(facts.build_id.size() == 40);
  CHECK(facts.ram_bytes == std::uint64_t{512} << 20);
  CHECK(facts.kaslr_offset + vmm::kLinkText == guest.ready().kernel_text);
  CHECK(view.cpus() == 2);
  // Told at its boot and refined by itself: its clock is as fast as ours, however busy the host was then.
  const auto tsc_khz = static_cast<double>(view.Load<std::uint32_t>(Need(view.Symbol("tsc_khz"))).value());
  if (vmm::HostTscKhz() != 0) CHECK(tsc_khz == Approx(vmm::HostTscKhz()).epsilon(0.005));
  CHECK(facts.btf->VariableType("runqueues").has_value());
  // The direct map shows what the image's own mapping shows.
  const std::uint64_t text = Need(view.Symbol("init_task"));
  const vmm::MemberPath cpu = Need(facts.btf->Path("rq.cpu"));
  for (std::uint32_t i = 0; i < 2; ++i) CHECK(view.LoadField(Need(view.PerCpu("runqueues", i)), cpu) == i);
  CHECK(view.Symbolize(text) == "init_task");
  CHECK(view.Symbol("no_such_symbol_anywhere").error().message ==
        "no kernel symbol 'no_such_symbol_anywhere'");
}

void Examine(const std::string& kind, Start start) {
  const auto kernel_file = CachedKernel(kind);
  if (!kernel_file) return Skip("no kernel was " + kind);
  LiveGuest guest(*kernel_file, start);
  vmm::KernelFactsCache cache;
  const std::unique_ptr<vmm::GuestKernel> kernel = Need(guest.OpenKernel(cache));
  CHECK(kernel->memory().mapped() == (start == Start::kBoot));
  const KernelView view = kernel->Live();
  CHECK(BannerOf(view) == guest.ReadFile("/proc/version"));
  ExpectFacts(guest, view);
  ExpectTicks(guest, view);
  ExpectWritesSeen(guest, view);
  ExpectSameBytesEitherWay(guest, *kernel);
  ExpectPauseUnseen(guest, view);

  // While all CPUs are in user mode, with the page tables of processes.
  StartWorkers workers;
  workers.group = 1;
  workers.count = 4;
  workers.work_type = "SpinWait";
  REQUIRE(guest.Call(workers).error.empty());
  for (int i = 0; i < 5; ++i) {
    vmm::KernelFactsCache none;
    CHECK(guest.OpenKernel(none).ok());
  }

  // Paused, with what is known already and without.
  REQUIRE(guest.machine().Pause().ok());
  for (vmm::KernelFactsCache* known : std::initializer_list<vmm::KernelFactsCache*>{&cache, nullptr}) {
    vmm::KernelFactsCache none;
    const auto again = Need(guest.OpenKernel(known != nullptr ? *known : none));
    CHECK((&again->facts() == &kernel->facts()) == (known != nullptr));
    CHECK(again->facts().kaslr_offset == kernel->facts().kaslr_offset);
    CHECK(BannerOf(again->Live()) == BannerOf(view));
  }
  // Gone: no bytes, no signal.
  REQUIRE(::kill(guest.machine().pid(), SIGKILL) == 0);
  while (guest.machine().Pump(vmm::After(std::chrono::seconds(10))).ok()) continue;
  CHECK_FALSE(view.Load<std::uint64_t>(Need(view.Symbol("jiffies_64"))).has_value());
}

TEST_CASE("introspection: a booted guest with our kernel") { Examine("built", Start::kBoot); }
TEST_CASE("introspection: a clone with our kernel") { Examine("built", Start::kClone); }
TEST_CASE("introspection: a booted guest with Debian's kernel") { Examine("fetched", Start::kBoot); }
TEST_CASE("introspection: a clone with Debian's kernel") { Examine("fetched", Start::kClone); }

TEST_CASE("introspection: a guest takes the speed of its time-stamp counter from its host") {
  const auto kernel_file = CachedKernel("built");
  if (!kernel_file) return Skip("no kernel was built");
  vmm::MachineConfig config;
  config.tsc_khz = 1'000'000;  // what it would never measure, however busy the host
  LiveGuest guest(*kernel_file, Start::kBoot, config);
  vmm::KernelFactsCache cache;
  const std::unique_ptr<vmm::GuestKernel> kernel = Need(guest.OpenKernel(cache));
  const KernelView view = kernel->Live();
  CHECK(view.Load<std::uint32_t>(Need(view.Symbol("tsc_khz"))) == 1'000'000U);
}

TEST_CASE("introspection: a guest with two nodes and memory above 4 GiB") {
  const auto kernel_file = CachedKernel("built");
  if (!kernel_file) return Skip("no kernel was built");
  vmm::MachineConfig config;
  config.topology = {2, 2, 1, 1};
  config.memory_mib = 3072;
  LiveGuest guest(*kernel_file, Start::kBoot, config);
  vmm::KernelFactsCache cache;
  const std::unique_ptr<vmm::GuestKernel> kernel = Need(guest.OpenKernel(cache));
  const KernelView view = kernel->Live();
  CHECK(view.facts().ram_bytes == std::uint64_t{3} << 30);
  CHECK(BannerOf(view) == guest.ReadFile("/proc/version"));
  // The second node's CPU has its variables there: half a gigabyte below the hole, a gigabyte above.
  const vmm::MemberPath cpu = Need(view.btf().Path("rq.cpu"));
  const std::uint64_t runqueue = Need(view.PerCpu("runqueues", 1));
  CHECK(view.LoadField(runqueue, cpu) == 1);
  const auto at = kernel->space().Translate(runqueue);
  REQUIRE(at);
  CHECK(at->physical >= std::uint64_t{4} << 30);
}

TEST_CASE("introspection: a clone on the virtual clock is paused and goes on") {
  const auto kernel_file = CachedKernel("built");
  if (!kernel_file) return Skip("no kernel was built");
  vmm::MachineConfig config;
  config.topology = {1, 1, 1, 1};
  config.clock = vmm::Clock::kVirtual;
  LiveGuest guest(*kernel_file, Start::kClone, config);
  vmm::KernelFactsCache cache;
  const std::unique_ptr<vmm::GuestKernel> kernel = Need(guest.OpenKernel(cache));
  const KernelView view = kernel->Live();
  {
    const vmm::MachinePause pause(guest.machine(), nullptr, "", 0);
    REQUIRE(pause.began().ok());
    // Idle, it would skip from timer to timer.
    const std::uint64_t ticks = Word(view, "jiffies_64");
    guest.Await(std::chrono::milliseconds(50));
    CHECK(Word(view, "jiffies_64") == ticks);
  }
  ExpectTicks(guest, view);
}

TEST_CASE("introspection: symbols of another build are refused") {
  auto kernel = CachedKernel("built");
  const auto other = CachedKernel("fetched");
  if (!kernel || !other) return Skip("both kernels are needed");
  LiveGuest guest(*other, Start::kClone);
  vmm::Kernel wrong = guest.kernel();
  wrong.vmlinux = kernel->vmlinux;
  wrong.system_map = kernel->system_map;
  const auto fetch = []() -> Result<std::string> { throw std::logic_error("not to be asked"); };
  vmm::KernelFactsCache cache;
  const auto by_id = vmm::GuestKernel::Open(guest.machine(), guest.ready(), wrong, cache, fetch);
  REQUIRE_FALSE(by_id.ok());
  CHECK_THAT(by_id.error().message,
             Catch::StartsWith("the guest runs build " + guest.ready().kernel_build_id +
                               " of its kernel, but " + wrong.vmlinux.string() + " is build "));
  wrong.vmlinux.clear();  // a System.map has no build id, but its handler is elsewhere
  const auto by_table = vmm::GuestKernel::Open(guest.machine(), guest.ready(), wrong, cache, fetch);
  REQUIRE_FALSE(by_table.ok());
  CHECK_THAT(by_table.error().message, Catch::StartsWith("the interrupt table puts the kernel "));
}

}  // namespace
}  // namespace ktstr::test
