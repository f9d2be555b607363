// How a machine comes up, and how one is saved for others to come up from.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "vmm/host/byte_stream.h"
#include "vmm/host/host_file.h"
#include "vmm/host/spawn.h"
#include "vmm/machine/machine.h"
#include "vmm/machine/qemu_args.h"
#include "vmm/machine/throwaway_disk.h"

namespace ktstr::vmm {
namespace {

/// A loaded host may take its time to map and translate; a healthy one needs 50 ms.
constexpr std::chrono::seconds kStartTimeout{30};
/// A QEMU that has closed its control socket is gone within this.
constexpr std::chrono::seconds kEndGrace{2};
/// How much a guest with the virtual clock may have said before we listen.
constexpr int kVirtualClockBuffer = 16 << 20;

}  // namespace

Result<std::filesystem::path> FindQemu(const std::string& qemu) {
  if (const auto program = FindProgram(qemu)) return *program;
  const bool is_path = qemu.find('/') != std::string::npos;
  return Error{ErrorKind::kEnvironment, is_path ? qemu + " is not an executable file"
                                                : qemu + " was not found on PATH; install qemu-system-x86"};
}

namespace {

/// Memory that lies in files is no part of the device state, neither when it is saved nor when it is loaded.
QmpCommand IgnoreSharedMemory() {
  nlohmann::json capability = {{"capability", "x-ignore-shared"}, {"state", true}};
  return {"migrate-set-capabilities", {{"capabilities", nlohmann::json::array({capability})}}};
}

/// What a template that is being saved may need beside a disk: its device state is below a megabyte.
constexpr std::uint64_t kLargestOtherFile = std::uint64_t{64} << 20;

/// A file that QEMU reads, for it to open as /proc/self/fd/N: it may have another user than we, and sees
/// little of the host's files.
Result<Fd> OpenForQemu(const std::filesystem::path& path, std::string_view what) {
  const auto cannot = [&] {
    return Error{ErrorKind::kInput,
                 fmt::format("the {} {} cannot be read: {}", what, path.string(), ErrnoText(errno))};
  };
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) return cannot();
  if (::geteuid() != 0 || (status.st_mode & S_IROTH) != 0) return file;
  Fd copy(::memfd_create("ktstr-file", MFD_CLOEXEC));
  if (!copy.valid()) return cannot();
  for (off_t left = status.st_size; left > 0;) {
    const ssize_t sent = ::sendfile(copy.get(), file.get(), nullptr, static_cast<std::size_t>(left));
    if (sent < 0 && errno != EINTR) return cannot();
    if (sent == 0) break;
    left -= std::max<ssize_t>(sent, 0);
  }
  return copy;
}

ConfinementSpec ConfineQemu(const std::filesystem::path& program, const MachineConfig& config,
                            const MachineFds& fds) {
  ConfinementSpec spec;
  spec.program = program;
  spec.opened = fds.ram;
  if (fds.disk >= 0) spec.opened.push_back(fds.disk);
  spec.max_file_bytes = std::max(std::uint64_t{config.disk_mib} << 20, kLargestOtherFile);
  spec.kvm = config.accel == Accel::kKvm;
  return spec;
}

Result<Process> StartQemu(const MachineConfig& config, const MachineFds& fds) {
  const std::filesystem::path program = TRY(FindQemu(config.qemu));
  ProcessSpec spec{program,
                   {config.qemu},
                   {fds.qmp, fds.console, fds.crash, fds.channel, fds.gdb},
                   ConfineQemu(program, config, fds)};
  spec.inherited_fds.insert(spec.inherited_fds.end(), fds.ram.begin(), fds.ram.end());
  for (const int fd : {fds.state, fds.disk})
    if (fd >= 0) spec.inherited_fds.push_back(fd);
  MachineConfig by_descriptor = config;
  std::vector<Fd> opened;
  const auto pass = [&](std::filesystem::path& path, std::string_view what) -> Result<> {
    if (path.empty() || fds.state >= 0) return {};  // a clone reads neither
    opened.push_back(TRY(OpenForQemu(path, what)));
    path = fmt::format("/proc/self/fd/{}", opened.back().get());
    spec.inherited_fds.push_back(opened.back().get());
    spec.confinement->read.push_back(opened.back().get());
    return {};
  };
  TRY(pass(by_descriptor.kernel, "kernel"));
  TRY(pass(by_descriptor.initrd, "initrd"));
  for (std::string& arg : BuildQemuArgs(by_descriptor, fds)) spec.argv.push_back(std::move(arg));
  return Process::Start(spec);
}

}  // namespace

Result<std::unique_ptr<Machine>> Machine::Build(const MachineConfig& config, MachineHooks hooks) {
  TRY(ValidateMachineConfig(config));
  MachineFiles files = TRY(MakeBootFiles(config));
  std::unique_ptr<Machine> machine = TRY(Launch(config, std::move(files), std::move(hooks)));
  TRY(machine->AwaitBuilt());
  return machine;
}

Result<std::unique_ptr<Machine>> Machine::Launch(const MachineConfig& config, MachineFiles files,
                                                 MachineHooks hooks) {
  TRY(ValidateMachineConfig(config));
  if (config.disk_mib > 0) files.disk = TRY(MakeDiskFile(config.disk_mib, config.disk_directory));
  FdPair qmp = TRY(MakeSocketPair());
  FdPair console = TRY(MakeSocketPair());
  FdPair crash = TRY(MakeSocketPair());
  FdPair channel = TRY(MakeSocketPair());
  FdPair gdb = TRY(MakeSocketPair());
  MachineFds theirs{qmp.theirs.get(),     console.theirs.get(), crash.theirs.get(),
                    channel.theirs.get(), gdb.theirs.get(),     {},
                    files.state.get(),    files.disk.get()};
  for (const Fd& ram : files.ram) theirs.ram.push_back(ram.get());
  Process process = TRY(StartQemu(config, theirs));
  // A guest that has to wait for us goes on at a moment of our time, which its virtual clock must not show.
  if (config.clock == Clock::kVirtual)
    for (FdPair* pair : {&console, &crash, &channel})
      WidenSendBuffer(pair->theirs.get(), kVirtualClockBuffer);
  // Our copies of QEMU's ends must go, or a dead QEMU would never look closed.
  for (FdPair* pair : {&qmp, &console, &crash, &channel, &gdb}) pair->theirs.Reset();
  QmpClient control(std::move(qmp.ours), hooks.cancel_fd);
  std::vector<QmpCommand> first;
  if (files.state.valid()) {
    first.push_back(IgnoreSharedMemory());
    // Loaded, QEMU would announce itself to a network for a second, by a timer of the host's time that also
    // cuts short the turns of the CPUs. On a wire between two cards of the guest these would be frames, and
    // interrupts, that nobody sent.
    if (config.clock == Clock::kVirtual || config.nics)
      first.push_back({"migrate-set-parameters", {{"announce-rounds", 0}}});
    first.push_back({"migrate-incoming", {{"uri", fmt::format("fd:{}", files.state.get())}}});
  }
  // A QEMU that is gone already is found by AwaitBuilt(), which knows how to tell why.
  static_cast<void>(control.Open(first, After(kStartTimeout)));
  std::unique_ptr<Machine> machine(new Machine(
      std::move(process), std::move(files), std::move(control), std::move(console.ours),
      std::move(crash.ours), std::move(channel.ours), std::move(gdb.ours), std::move(hooks), config.clock));
  machine->autostart_ = config.autostart;
  return machine;
}

Machine::Machine(Process process, MachineFiles files, QmpClient qmp, Fd console, Fd crash, Fd channel, Fd gdb,
                 MachineHooks hooks, Clock clock)
    : process_(std::move(process)),
      files_(std::move(files)),
      qmp_(std::move(qmp)),
      console_(std::move(console)),
      crash_(std::move(crash)),
      channel_(std::move(channel)),
      gdb_(std::move(gdb)),
      hooks_(std::move(hooks)),
      outbox_(/*held=*/clock == Clock::kVirtual) {}

Result<> Machine::AwaitBuilt() {
  const Result<> paused = AwaitState();
  if (paused.ok()) return {};
  return WouldNotStart(paused.error());
}

Result<> Machine::AwaitState() {
  const Deadline deadline = After(kStartTimeout);
  TRY(qmp_.AwaitOpen(deadline));
  while (true) {
    const nlohmann::json status = TRY(qmp_.Execute("query-status", nullptr, deadline));
    if (status.value("running", true) && !autostart_)
      return Error{ErrorKind::kMachine, "it did not stay paused"};
    if (status.value("status", "") != "inmigrate") return {};
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
}

Error Machine::WouldNotStart(const Error& seen) {
  if (seen.kind == ErrorKind::kCancelled) return seen;
  // A closed socket means QEMU is on its way out, and its stderr will say why.
  const bool closed = qmp_.broken().has_value();
  const auto exit = process_.Wait(closed ? After(kEndGrace) : After(std::chrono::seconds(0)));
  process_.Kill();
  process_.DrainStderr();
  std::string why = FirstMessage(process_.stderr_text());
  if (why.empty()) why = exit.has_value() ? "it " + exit->Describe() : seen.message;
  return {ErrorKind::kMachine, "QEMU would not start: " + why};
}

Result<> Machine::SaveState(int file, Deadline deadline) {
  const QmpCommand ignore = IgnoreSharedMemory();
  TRY(Command(ignore.name, ignore.arguments, deadline));
  TRY(Command("getfd", {{"fdname", "state"}}, deadline, file));
  TRY(Command("migrate", {{"uri", "fd:state"}}, deadline));
  while (true) {
    const nlohmann::json progress = TRY(Command("query-migrate", nullptr, deadline));
    const std::string status = progress.value("status", "");
    if (status == "completed") return {};
    if (status == "failed" || status == "cancelled")
      return Error{ErrorKind::kMachine,
                   "QEMU could not save its state: " + progress.value("error-desc", status)};
    // There is no event for the end of it; QEMU needs about ten milliseconds.
    Result<> pumped = Pump(std::min(deadline, After(std::chrono::milliseconds(1))));
    if (!pumped.ok() && pumped.error().kind != ErrorKind::kTimeout) return pumped;
  }
}

}  // namespace ktstr::vmm
