// One QEMU virtual machine, from paused to gone.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"
#include "vmm/host/byte_stream.h"
#include "vmm/host/process.h"
#include "vmm/machine/byte_port.h"
#include "vmm/machine/guest_ram.h"
#include "vmm/machine/machine_config.h"
#include "vmm/machine/machine_failure.h"
#include "vmm/machine/outbox.h"
#include "vmm/machine/qmp.h"

namespace ktstr::vmm {

/// Gets every chunk of one of the guest's serial ports as it comes. Returning false (a full disk, say) or
/// throwing means "no more": the sink is not called again and the machine goes on.
using ByteSink = std::function<bool(std::string_view)>;

struct MachineHooks {
  ByteSink on_console;
  ByteSink on_crash;
  /// When it becomes readable, Pump() and everything that waits through it returns kCancelled. Never read.
  int cancel_fd = -1;
};

/// The program that `qemu` names: a path, or a name on PATH. Errors (kEnvironment): "<path> is not an
/// executable file", "<name> was not found on PATH; install qemu-system-x86".
Result<std::filesystem::path> FindQemu(const std::string& qemu);

/// Reads what has come on a served stream. True: the machine is paused because of it, and is resumed once the
/// handler has returned. Errors go to whoever waits.
using StreamHandler = std::function<Result<bool>()>;

/// A machine and its byte streams. Everything happens on the thread that called Build(), inside the
/// calls that take a deadline; that thread must outlive the machine (see Process). Not movable, because
/// GuestChannel keeps a pointer to it.
///
/// Its end: whatever is seen first (a closed stream, QEMU's exit, a panic line, PID 1's last words), all
/// streams are read to their ends before failure() says what the root cause was.
class Machine final : public BytePort {
 public:
  /// The console text kept for console_tail(), the crash text kept, in bytes.
  static constexpr std::size_t kKeptText = 65536;

  /// Starts QEMU and returns with the machine built and paused before its first instruction.
  /// Errors: kInput from ValidateMachineConfig; kEnvironment "qemu-system-x86_64 was not found on PATH;
  /// install qemu-system-x86"; kMachine "QEMU would not start: <QEMU's own first line>"; kCancelled.
  static Result<std::unique_ptr<Machine>> Build(const MachineConfig& config, MachineHooks hooks = {});

  /// Starts QEMU and returns while it is still building the machine; AwaitBuilt() must come before anything
  /// else. A clone (`files.state` is valid) loads by itself meanwhile; if that fails, the machine ends with
  /// the failure "QEMU ended: ...". Errors: kInput and kEnvironment as in Build().
  static Result<std::unique_ptr<Machine>> Launch(const MachineConfig& config, MachineFiles files,
                                                 MachineHooks hooks = {});
  /// Errors: kMachine and kCancelled as in Build().
  Result<> AwaitBuilt();

  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  /// Kills and reaps; calls no sink.
  ~Machine() override = default;

  /// Lets the virtual CPUs run, or pauses them. Idempotent. Errors: those of Pump() and Command().
  /// With the virtual clock what was queued before a Resume() is with the guest's device before its
  /// CPUs run, as far as that has room (512 KiB): they meet it at the same instruction in each run.
  /// Resume() first calls the handler of a served stream, and Pause() calls it last; while that runs, another
  /// Resume() does nothing: what the handler returns decides.
  Result<> Resume(Deadline deadline = After(kControlTimeout));
  Result<> Pause(Deadline deadline = After(kControlTimeout));
  /// One QMP command to its "return" value, serving all streams meanwhile. Errors: those of Pump(); kMachine
  /// "QEMU refused 'x': reason"; kTimeout
  /// "QEMU did not answer 'x' in time; its threads: qemu-system-x86 sleeping, ALL CPUs/TCG running".
  Result<nlohmann::json> Command(std::string_view command, const nlohmann::json& arguments, Deadline deadline,
                                 int passed_fd = -1);
  /// Stops the guest and writes the state of all devices, but not the memory, to `file`. The machine stays as
  /// it was saved: it cannot be resumed. REQUIRES: running, because a clone will be what this is. Errors:
  /// those of Command(); kMachine "QEMU could not save its state: ...".
  Result<> SaveState(int file, Deadline deadline);
  /// The socket that QEMU's debugger stub talks on once it is told to (`gdbserver chardev:gdb`); yours once.
  Fd TakeGdbSocket() { return std::move(gdb_); }
  /// `on_readable` is called by whatever waits here when `fd` is readable, after each Pause() and before each
  /// Resume(); never while a command is under way or within itself. One stream; fd -1 takes it away. `fd` is
  /// not owned.
  void Serve(int fd, StreamHandler on_readable);
  /// As of the last STOP or RESUME that QEMU has told of; after Command() it is no older than the command.
  [[nodiscard]] bool running() const { return running_; }
  /// The sum of all pauses that have ended, by QEMU's own time stamps.
  [[nodiscard]] std::chrono::nanoseconds paused_time() const { return paused_time_; }
  /// The part of it that ended because the handler of a served stream asked for it.
  [[nodiscard]] std::chrono::nanoseconds paused_time_served() const { return paused_time_served_; }
  /// The files of the guest's memory. A clone's hold what its template saved, not what it wrote since.
  [[nodiscard]] const std::vector<Fd>& ram() const { return files_.ram; }
  /// The file behind the guest's disk; -1 when the machine has none. It lives as long as the machine.
  [[nodiscard]] int disk() const { return files_.disk.get(); }
  /// Who gets the bytes from now on.
  void SetSinks(ByteSink on_console, ByteSink on_crash);
  /// Ends QEMU at once and reaps it; what it still had to say goes to the sinks. Later calls that wait return
  /// kMachine "the machine has been stopped". Not a failure.
  void Kill();

  Result<> QueueOutgoing(std::span<const std::byte> bytes) override;
  [[nodiscard]] std::size_t outgoing() const override { return outbox_.size(); }
  std::string TakeIncoming() override { return std::exchange(inbox_, {}); }
  /// See BytePort. The error of a machine that has ended is failure()->ToError(). When
  /// QEMU has stopped the guest without Pause(), no handler lets it go on, and all that happens is waiting,
  /// the wait ends after kUnaskedStop: kMachine "QEMU has stopped the guest by itself (its status is
  /// 'paused') and does not let it go on".
  Result<> Pump(Deadline deadline) override;

  /// Set once the machine has ended without Kill().
  [[nodiscard]] const std::optional<MachineFailure>& failure() const { return failure_; }
  [[nodiscard]] const std::string& console_tail() const { return console_tail_; }
  /// For the end of a message about a guest that went silent: "; its last console line: ...", cut to 200
  /// characters, or "; its console is empty".
  [[nodiscard]] std::string LastConsoleLine() const;
  [[nodiscard]] const std::string& crash_text() const { return signs_.crash_text; }
  [[nodiscard]] const std::string& qemu_stderr() const { return process_.stderr_text(); }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  /// QEMU's version, "7.2.22". REQUIRES: AwaitBuilt() has succeeded.
  [[nodiscard]] const std::string& qemu_version() const { return qmp_.qemu_version(); }
  /// What holds QEMU on this host: see Confinement::Describe.
  [[nodiscard]] const std::string& confinement() const { return process_.confinement(); }
  /// False once a sink has given up.
  [[nodiscard]] bool sinks_healthy() const { return sinks_healthy_; }
  /// From now on another descriptor, or none (-1), cancels; for the clean-up after a cancellation.
  void SetCancelFd(int fd) { hooks_.cancel_fd = fd; }

 private:
  /// QEMU answers within a millisecond. What takes longer than this hangs, and a user should not wait for it.
  static constexpr std::chrono::seconds kControlTimeout{10};
  static constexpr std::chrono::seconds kUnaskedStop{5};

  Machine(Process process, MachineFiles files, QmpClient qmp, Fd console, Fd crash, Fd channel, Fd gdb,
          MachineHooks hooks, Clock clock);

  Result<> AwaitState();
  Error WouldNotStart(const Error& seen);

  void Feed(ByteSink& sink, std::string_view chunk);
  void ReadConsole();
  void ReadCrash();
  void ReadChannel();
  void WriteChannel();
  Result<> ResumeWithMail(Deadline deadline);
  void ReadQmp();
  void NoteEvent(const QmpEvent& event);
  Result<bool> CallHandler();
  Result<> GoOnAfterHandler();
  void NoteUnaskedStop();
  Error StoppedByItself();
  void DrainStreams();
  void NoteEnd(IoState state, Fd& stream, const char* name);
  void NoteDoom();
  void Conclude();

  Process process_;
  MachineFiles files_;
  QmpClient qmp_;
  Fd console_;  // each stream is reset when it is found closed
  Fd crash_;
  Fd channel_;
  Fd gdb_;  // until it is taken
  MachineHooks hooks_;

  std::string console_tail_;
  ConsoleScanner scanner_;
  MachineSigns signs_;
  std::string inbox_;
  Outbox outbox_;

  int served_fd_ = -1;
  StreamHandler on_served_;
  bool in_handler_ = false;

  bool running_ = false;
  bool stop_asked_ = true;                 // by Pause(), or it has not run yet
  std::optional<Deadline> unasked_until_;  // set while an unasked stop is only waited for
  std::int64_t stopped_at_us_ = 0;         // of the last STOP; 0 before the first
  std::chrono::nanoseconds paused_time_{0};
  std::chrono::nanoseconds paused_time_served_{0};

  bool autostart_ = false;
  std::optional<Deadline> doomed_until_;  // the guest is dying: when to stop waiting for QEMU to follow
  std::optional<MachineFailure> failure_;
  bool killed_ = false;
  bool sinks_healthy_ = true;
};

}  // namespace ktstr::vmm
