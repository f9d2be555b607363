// The machine with a real QEMU, and a toy kernel where a guest is needed.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "test/unit/vmm/host/temp_dir.h"
#include "test/unit/vmm/kernel/toy_kernel.h"
#include "vmm/machine/machine.h"

namespace ktstr::vmm {
namespace {

using Kind = MachineFailure::Kind;

Deadline Soon() { return After(std::chrono::seconds(60)); }

MachineConfig Small() {
  MachineConfig config;
  config.topology = {1, 1, 1, 1};
  config.memory_mib = 64;
  return config;
}

std::unique_ptr<Machine> Built(const MachineConfig& config, MachineHooks hooks = {}) {
  auto machine = Machine::Build(config, std::move(hooks));
  INFO((machine.ok() ? "" : machine.error().message));
  REQUIRE(machine.ok());
  return std::move(*machine);
}

/// Pumps until the machine ends; the message of the end.
std::string RunToEnd(Machine& machine) {
  const Deadline deadline = Soon();
  Result<> pumped;
  while (pumped.ok()) pumped = machine.Pump(deadline);
  return pumped.error().message;
}

bool Alive(pid_t pid) { return kill(pid, 0) == 0 || errno != ESRCH; }

std::string Status(Machine& machine) {
  const auto status = machine.Command("query-status", nullptr, Soon());
  return status.ok() ? (*status)["status"].get<std::string>() : status.error().message;
}

TEST_CASE("a machine is built paused, runs, pauses, and is gone when killed") {
  const auto machine = Built(Small());
  CHECK(Status(*machine) == "prelaunch");
  REQUIRE(machine->Resume().ok());
  CHECK(Status(*machine) == "running");
  REQUIRE(machine->Resume().ok());
  REQUIRE(machine->Pause().ok());
  CHECK(Status(*machine) == "paused");
  REQUIRE(machine->Pause().ok());
  REQUIRE(machine->Resume().ok());
  CHECK(Status(*machine) == "running");
  CHECK(machine->Command("no-such", nullptr, Soon()).error().message ==
        "QEMU refused 'no-such': The command no-such has not been found");
  machine->Kill();
  CHECK(!Alive(machine->pid()));
  CHECK(!machine->failure().has_value());
  CHECK(machine->Pump(Soon()).error().message == "the machine has been stopped");
  CHECK(machine->Pause().error().message == "the machine has been stopped");
  machine->Kill();
}

TEST_CASE("a machine that somebody else has stopped is not waited for without end") {
  const auto machine = Built(Small());
  REQUIRE(machine->Resume().ok());
  // Asked for behind Pause()'s back, as when QEMU stops by itself.
  REQUIRE(machine->Command("stop", nullptr, Soon()).ok());
  CHECK(RunToEnd(*machine) ==
        "QEMU has stopped the guest by itself (its status is 'paused') and does not let it go on");
  CHECK_FALSE(machine->failure().has_value());
  REQUIRE(machine->Resume().ok());
  CHECK(Status(*machine) == "running");
}

TEST_CASE("a machine that goes out of scope leaves no process") {
  pid_t pid = 0;
  SECTION("paused") { pid = Built(Small())->pid(); }
  SECTION("running") {
    const auto machine = Built(Small());
    REQUIRE(machine->Resume().ok());
    pid = machine->pid();
  }
  CHECK(!Alive(pid));
}

TEST_CASE("a missing QEMU is named, with what to install") {
  MachineConfig config = Small();
  {
    const ScopedEnvironment path("PATH", "/no/such");
    const auto machine = Machine::Build(config);
    REQUIRE(!machine.ok());
    CHECK(machine.error().message == "qemu-system-x86_64 was not found on PATH; install qemu-system-x86");
    CHECK(machine.error().kind == ErrorKind::kEnvironment);
  }
  config.qemu = "/etc/passwd";
  CHECK(Machine::Build(config).error().message == "/etc/passwd is not an executable file");
}

TEST_CASE("a QEMU that will not start is quoted") {
  const TempDir dir;
  MachineConfig config = Small();
  SECTION("a kernel that is not there") {
    config.kernel = "/no/such/kernel";
    CHECK(Machine::Build(config).error().message ==
          "the kernel /no/such/kernel cannot be read: No such file or directory");
  }
  SECTION("a kernel that is not a kernel") {
    config.kernel = dir.Write("kernel", std::string(100000, 'x'));
    config.initrd = dir.Write("initrd", "y");
    const auto machine = Machine::Build(config);
    CHECK(machine.error().message == "QEMU would not start: qemu: linux kernel too old to load a ram disk");
    CHECK(machine.error().kind == ErrorKind::kMachine);
  }
  SECTION("a program that is not QEMU") {
    config.qemu = dir.Write(
        "qemu", "#!/bin/sh\necho 'qemu: warning: odd' >&2\necho no such option >&2\nexit 1\n", 0755);
    CHECK(Machine::Build(config).error().message == "QEMU would not start: no such option");
  }
  SECTION("one that says nothing") {
    config.qemu = dir.Write("qemu", "#!/bin/sh\nexit 7\n", 0755);
    CHECK(Machine::Build(config).error().message == "QEMU would not start: it exited with code 7");
  }
  SECTION("one that is killed") {
    config.qemu = dir.Write("qemu", "#!/bin/sh\nkill -KILL $$\n", 0755);
    CHECK(Machine::Build(config).error().message == "QEMU would not start: it was killed by SIGKILL");
  }
}

TEST_CASE("a bad configuration never gets as far as QEMU") {
  MachineConfig config = Small();
  config.qemu = "/no/such";
  config.memory_mib = 1;
  CHECK(Machine::Build(config).error().message ==
        "1 MiB of memory are too few for 1 NUMA nodes, each needs 64 MiB");
}

TEST_CASE("QEMU killed from outside is classified") {
  const auto machine = Built(Small());
  REQUIRE(machine->Resume().ok());
  kill(machine->pid(), SIGKILL);
  CHECK(RunToEnd(*machine) == "QEMU was killed by SIGKILL");
  REQUIRE(machine->failure().has_value());
  CHECK(machine->failure()->kind == Kind::kQemuKilled);
  CHECK(!Alive(machine->pid()));
  CHECK(machine->Pause().error().message == "QEMU was killed by SIGKILL");
  CHECK(machine->Pump(Soon()).error().kind == ErrorKind::kMachine);
}

TEST_CASE("QEMU killed while it owes an answer is classified") {
  const auto machine = Built(Small());
  kill(machine->pid(), SIGKILL);
  CHECK(machine->Resume().error().message == "QEMU was killed by SIGKILL");
}

TEST_CASE("QEMU told to end from outside says by whom") {
  const auto machine = Built(Small());
  REQUIRE(machine->Resume().ok());
  kill(machine->pid(), SIGTERM);
  const std::string end = RunToEnd(*machine);
  CHECK(end.substr(0, end.find(" from")) ==
        "QEMU exited with code 0: qemu-system-x86_64: terminating on signal 15");
  CHECK(machine->failure()->kind == Kind::kQemuExited);
}

TEST_CASE("what a dying guest leaves behind becomes its cause") {
  const TempDir dir;
  struct Case {
    std::string console, crash;
    ToyEnding ending;
    Kind kind;
    std::string cause;
  };
  const std::string panic = "[ 1.0] Kernel panic - not syncing: toy broke\r\n[ 1.1] trace\r\n";
  const auto& c = GENERATE_COPY(values<Case>({
      {"booting\r\n", "", ToyEnding::kReset, Kind::kGuestShutdown, "the guest reset itself"},
      {"booting\r\n", "", ToyEnding::kPowerOff, Kind::kGuestShutdown, "the guest powered off"},
      {panic, "", ToyEnding::kReset, Kind::kGuestPanic, "the guest kernel panicked: toy broke"},
      {"[ 2.1] Initramfs unpacking failed: write error\r\n", "", ToyEnding::kHang, Kind::kUnpackFailed,
       "the guest could not unpack its files: write error; it needs more memory"},
      {panic, "", ToyEnding::kHang, Kind::kGuestPanic, "the guest kernel panicked: toy broke"},
      {"Kernel panic - not syncing: cut sho", "", ToyEnding::kReset, Kind::kGuestPanic,
       "the guest kernel panicked: cut sho"},
      {panic, "PANIC: SIGBUS\n", ToyEnding::kReset, Kind::kGuestPanic,
       "the guest kernel panicked: toy broke"},
      {"", "PANIC: SIGBUS at 0x1\nframe\n", ToyEnding::kReset, Kind::kInitCrash,
       "PID 1 in the guest crashed: SIGBUS at 0x1"},
      {"", "PANIC: SIGBUS at 0x1\nframe\n", ToyEnding::kHang, Kind::kInitCrash,
       "PID 1 in the guest crashed: SIGBUS at 0x1"},
  }));
  CAPTURE(c.console, c.crash);
  MachineConfig config = Small();
  config.kernel = dir.Write("toy", ToyKernel(c.console, c.crash, c.ending));
  std::string console;
  std::string crash;
  MachineHooks hooks;
  hooks.on_console = [&](std::string_view chunk) { return console += chunk, true; };
  hooks.on_crash = [&](std::string_view chunk) { return crash += chunk, true; };
  const auto machine = Built(config, std::move(hooks));
  REQUIRE(machine->Resume().ok());
  CHECK(RunToEnd(*machine) == c.cause);
  REQUIRE(machine->failure().has_value());
  CHECK(machine->failure()->kind == c.kind);
  CHECK(console == c.console);
  CHECK(machine->console_tail() == c.console);
  CHECK(crash == c.crash);
  CHECK(machine->crash_text() == c.crash);
  CHECK(!Alive(machine->pid()));
}

TEST_CASE("a guest that floods its console hides neither deadlines nor answers") {
  const TempDir dir;
  MachineConfig config = Small();
  config.kernel = dir.Write("toy", ToyKernel("", "", ToyEnding::kFlood));
  std::size_t seen = 0;
  MachineHooks hooks;
  hooks.on_console = [&](std::string_view chunk) { return seen += chunk.size(), true; };
  const auto machine = Built(config, std::move(hooks));
  REQUIRE(machine->Resume().ok());
  const Deadline deadline = Soon();
  while (seen < 200000 && !Passed(deadline)) REQUIRE(machine->Pump(deadline).ok());
  // Every pump past its deadline says so, also those (there must be some) that move data.
  while (seen < 400000 && !Passed(deadline)) {
    const Result<> late = machine->Pump(After(std::chrono::seconds(0)));
    if (late.ok() || late.error().kind != ErrorKind::kTimeout) FAIL("a late pump did not say so");
  }
  CHECK(seen >= 400000);
  CHECK(machine->Pause().ok());
  CHECK(Status(*machine) == "paused");
  CHECK(machine->console_tail() == std::string(Machine::kKeptText, 'A'));
}

TEST_CASE("a QEMU that does not answer is told with what its threads do, and may come back") {
  const auto machine = Built(Small());
  REQUIRE(machine->Resume().ok());
  REQUIRE(kill(machine->pid(), SIGSTOP) == 0);
  siginfo_t stopped{};
  REQUIRE(waitid(P_PID, static_cast<id_t>(machine->pid()), &stopped, WSTOPPED | WNOWAIT) == 0);
  const Result<> hung = machine->Pause(After(std::chrono::milliseconds(50)));
  REQUIRE_FALSE(hung.ok());
  CHECK(hung.error().kind == ErrorKind::kTimeout);
  CHECK_THAT(
      hung.error().message,
      Catch::StartsWith("QEMU did not answer 'stop' in time; its threads: qemu-system-x86 stopped by a "
                        "signal, "));
  REQUIRE(kill(machine->pid(), SIGCONT) == 0);
  CHECK(machine->Resume(Soon()).ok());
  CHECK(Status(*machine) == "running");
}

TEST_CASE("a sink that fails is dropped and the machine goes on") {
  const TempDir dir;
  MachineConfig config = Small();
  config.kernel = dir.Write("toy", ToyKernel("one\r\n", "two\n", ToyEnding::kReset));
  int calls = 0;
  MachineHooks hooks;
  hooks.on_console = [&](std::string_view) { return ++calls, false; };
  hooks.on_crash = [](std::string_view) -> bool { throw std::string("no space left"); };
  const auto machine = Built(config, std::move(hooks));
  CHECK(machine->sinks_healthy());
  REQUIRE(machine->Resume().ok());
  CHECK(RunToEnd(*machine) == "the guest reset itself");
  CHECK(calls == 1);
  CHECK(!machine->sinks_healthy());
  CHECK(machine->console_tail() == "one\r\n");
  CHECK(machine->crash_text() == "two\n");
}

TEST_CASE("a cancellation ends every wait until it is switched off") {
  int fds[2];
  REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
  const Fd read_end(fds[0]);
  const Fd write_end(fds[1]);
  MachineHooks hooks;
  hooks.cancel_fd = read_end.get();
  const auto machine = Built(Small(), std::move(hooks));
  REQUIRE(machine->Resume().ok());
  REQUIRE(write(write_end.get(), "x", 1) == 1);
  const Result<> pumped = machine->Pump(Soon());
  CHECK(pumped.error().message == "interrupted");
  CHECK(pumped.error().kind == ErrorKind::kCancelled);
  CHECK(machine->Pump(Soon()).error().kind == ErrorKind::kCancelled);
  machine->SetCancelFd(-1);
  CHECK(machine->Pause().ok());
  CHECK(!machine->failure().has_value());
}

TEST_CASE("what the guest does not read is kept, up to a limit") {
  const auto machine = Built(Small());
  const std::vector<std::byte> chunk(BytePort::kMaxOutgoing / 2);
  CHECK(machine->QueueOutgoing(chunk).ok());
  CHECK(machine->QueueOutgoing(chunk).ok());
  CHECK(machine->outgoing() <= BytePort::kMaxOutgoing);
  CHECK(machine->outgoing() > BytePort::kMaxOutgoing - (1 << 20));
  const Result<> full = machine->QueueOutgoing(chunk);
  CHECK(full.error().message ==
        "the guest has not read the last " + std::to_string(machine->outgoing()) + " bytes sent to it");
  CHECK(full.error().kind == ErrorKind::kGuest);
}

}  // namespace
}  // namespace ktstr::vmm
