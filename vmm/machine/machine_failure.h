// Why a machine came to an end, out of everything that was seen of it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "guest-init/base/result.h"
#include "vmm/host/process.h"

namespace ktstr::vmm {

/// The end of a machine that its owner did not ask for.
struct MachineFailure {
  enum class Kind {
    kUnpackFailed,   // the guest kernel dropped files of its initramfs, and would go on without them
    kGuestPanic,     // the guest kernel panicked
    kInitCrash,      // PID 1 wrote its last words to the second serial port
    kGuestShutdown,  // the guest powered off or reset itself
    kQemuKilled,     // QEMU died by a signal
    kQemuExited,     // QEMU exited by itself
    kHostFault,      // this host could not go on serving the machine
    kStreamClosed,   // QEMU lives, but one of its streams is closed
  };
  Kind kind{};
  /// One line, e.g. "the guest kernel panicked: sysrq triggered crash".
  std::string cause;

  /// The failure as an error: kGuest for what the guest did, kMachine for QEMU, kEnvironment for this host.
  [[nodiscard]] Error ToError() const;
};

/// What was seen until every stream was read to its end.
struct MachineSigns {
  std::string unpack_error;        // the text after "Initramfs unpacking failed: ", else empty
  std::string panic;               // the text after "Kernel panic - not syncing: ", else empty
  std::string oops;                // the line that began the first kernel fault, else empty
  std::string crash_text;          // all of the second serial port
  std::string shutdown_reason;     // of QEMU's SHUTDOWN event: "guest-reset", "guest-shutdown", "host-signal"
  std::string qemu_message;        // FirstMessage() of QEMU's stderr
  std::string closed_stream;       // the first stream found closed: "control", "console"...
  std::string host_fault;          // why this host cannot read one of QEMU's streams, else empty
  std::optional<ExitStatus> exit;  // how QEMU ended by itself, nullopt when it did not
};

/// The root cause when there are several signs: a stream that this host cannot read is closed, and QEMU and
/// guest end because of it; missing files explain all that follows, a panic explains a crashed PID 1 (unless
/// it is the panic *about* PID 1 dying), and each of them explains QEMU's exit.
MachineFailure ClassifyFailure(const MachineSigns& signs);

/// The first line of QEMU's stderr that is not a warning; else the first line; else "".
std::string FirstMessage(std::string_view stderr_text);

/// The first line of a crash block without "PANIC:"; nullopt while no whole line has come.
std::optional<std::string> CrashHeadline(std::string_view crash_text, bool ended);

/// Finds panics, kernel faults and a failed unpacking in console output as it comes, in pieces of any size.
class ConsoleScanner {
 public:
  /// A line is looked at when it ends or has this many bytes.
  static constexpr std::size_t kMaxLine = 4096;

  void Append(std::string_view text);
  /// Looks at an unfinished last line too.
  void Finish();
  [[nodiscard]] const std::string& panic() const { return panic_; }
  [[nodiscard]] const std::string& oops() const { return oops_; }
  [[nodiscard]] const std::string& unpack_error() const { return unpack_error_; }

 private:
  void ScanLine();

  std::string line_;
  std::string panic_;
  std::string oops_;
  std::string unpack_error_;
};

}  // namespace ktstr::vmm
