#include <signal.h>

#include <catch2/catch.hpp>

#include "vmm/machine/machine_failure.h"

namespace ktstr::vmm {
namespace {

using Kind = MachineFailure::Kind;

TEST_CASE("a panic wins over QEMU's exit") {
  MachineSigns signs;
  signs.panic = "sysrq triggered crash";
  signs.shutdown_reason = "guest-reset";
  signs.closed_stream = "console";
  signs.exit = ExitStatus{false, 0};
  const MachineFailure failure = ClassifyFailure(signs);
  CHECK(failure.kind == Kind::kGuestPanic);
  CHECK(failure.cause == "the guest kernel panicked: sysrq triggered crash");
  CHECK(failure.ToError().kind == ErrorKind::kGuest);
}

TEST_CASE("a stream that this host cannot read explains all that follows") {
  MachineSigns signs;
  signs.host_fault = "QEMU's channel stream cannot be read: Input/output error";
  signs.closed_stream = "channel";
  signs.shutdown_reason = "guest-shutdown";
  signs.exit = ExitStatus{false, 0};
  const MachineFailure failure = ClassifyFailure(signs);
  CHECK(failure.kind == Kind::kHostFault);
  CHECK(failure.cause == "QEMU's channel stream cannot be read: Input/output error");
  CHECK(failure.ToError().kind == ErrorKind::kEnvironment);
}

TEST_CASE("a panic wins over a crash block, unless it only says that PID 1 died") {
  MachineSigns signs;
  signs.crash_text = "PANIC: SIGSEGV at 0x10\nbacktrace\n";
  signs.panic = "hung_task: blocked tasks";
  CHECK(ClassifyFailure(signs).cause == "the guest kernel panicked: hung_task: blocked tasks");
  signs.panic = "Attempted to kill init! exitcode=0x0000000b";
  const MachineFailure failure = ClassifyFailure(signs);
  CHECK(failure.kind == Kind::kInitCrash);
  CHECK(failure.cause == "PID 1 in the guest crashed: SIGSEGV at 0x10");
  CHECK(failure.ToError().kind == ErrorKind::kGuest);
  signs.crash_text.clear();
  CHECK(ClassifyFailure(signs).cause ==
        "the guest kernel panicked: Attempted to kill init! exitcode=0x0000000b");
}

TEST_CASE("lost files win over everything they lead to") {
  MachineSigns signs;
  signs.unpack_error = "write error";
  signs.panic = "No working init found.";
  signs.exit = ExitStatus{false, 0};
  CHECK(ClassifyFailure(signs).kind == Kind::kUnpackFailed);
  CHECK(ClassifyFailure(signs).cause ==
        "the guest could not unpack its files: write error; it needs more memory");
  CHECK(ClassifyFailure(signs).ToError().kind == ErrorKind::kGuest);
  signs.unpack_error = "junk within compressed archive";
  CHECK(ClassifyFailure(signs).cause ==
        "the guest could not unpack its files: junk within compressed archive");
}

TEST_CASE("a crash block wins over the exit, even when its line was cut short") {
  MachineSigns signs;
  signs.crash_text = "PANIC: SIGABR";
  signs.exit = ExitStatus{true, SIGKILL};
  CHECK(ClassifyFailure(signs).cause == "PID 1 in the guest crashed: SIGABR");
}

TEST_CASE("a fatal exception is explained by the fault before it") {
  MachineSigns signs;
  signs.panic = "Fatal exception in interrupt";
  CHECK(ClassifyFailure(signs).cause == "the guest kernel panicked: Fatal exception in interrupt");
  signs.oops = "BUG: kernel NULL pointer dereference, address: 0000000000000008";
  CHECK(ClassifyFailure(signs).cause ==
        "the guest kernel panicked: BUG: kernel NULL pointer dereference, address: 0000000000000008");
  signs.panic = "Out of memory";
  CHECK(ClassifyFailure(signs).cause == "the guest kernel panicked: Out of memory");
}

TEST_CASE("QEMU's own end, with what it said") {
  MachineSigns signs;
  signs.exit = ExitStatus{true, SIGKILL};
  CHECK(ClassifyFailure(signs).kind == Kind::kQemuKilled);
  CHECK(ClassifyFailure(signs).cause == "QEMU was killed by SIGKILL");
  CHECK(ClassifyFailure(signs).ToError().kind == ErrorKind::kMachine);
  signs.exit = ExitStatus{true, SIGABRT};
  signs.qemu_message = "qemu: assertion failed";
  CHECK(ClassifyFailure(signs).cause == "QEMU was killed by SIGABRT: qemu: assertion failed");
  signs.exit = ExitStatus{false, 1};
  CHECK(ClassifyFailure(signs).kind == Kind::kQemuExited);
  CHECK(ClassifyFailure(signs).cause == "QEMU exited with code 1: qemu: assertion failed");
  signs.exit.reset();
  signs.closed_stream = "channel";
  signs.qemu_message.clear();
  CHECK(ClassifyFailure(signs).kind == Kind::kStreamClosed);
  CHECK(ClassifyFailure(signs).cause == "QEMU closed its channel stream");
}

TEST_CASE("the guest's own shutdown is told from QEMU's") {
  MachineSigns signs;
  signs.exit = ExitStatus{false, 0};
  signs.shutdown_reason = "guest-shutdown";
  CHECK(ClassifyFailure(signs).kind == Kind::kGuestShutdown);
  CHECK(ClassifyFailure(signs).cause == "the guest powered off");
  signs.shutdown_reason = "guest-reset";
  CHECK(ClassifyFailure(signs).cause == "the guest reset itself");
  signs.shutdown_reason = "host-signal";
  CHECK(ClassifyFailure(signs).kind == Kind::kQemuExited);
}

TEST_CASE("the scanner finds a panic in pieces of any size") {
  const std::string log =
      "[    1.0] Oops: general protection fault\r\n[    1.1] BUG: later\r\n"
      "[    1.2] Kernel panic - not syncing: Fatal exception\r\n"
      "[    1.3] Kernel panic - not syncing: a second one\r\n";
  for (std::size_t piece = 1; piece < log.size(); ++piece) {
    ConsoleScanner scanner;
    for (std::size_t at = 0; at < log.size(); at += piece) scanner.Append(log.substr(at, piece));
    CHECK(scanner.panic() == "Fatal exception");
    CHECK(scanner.oops() == "Oops: general protection fault");
  }
}

TEST_CASE("a panic on a line that never ends is found at the end") {
  ConsoleScanner scanner;
  scanner.Append("\nKernel panic - not syncing: VFS: Unable");
  CHECK(scanner.panic().empty());
  scanner.Finish();
  CHECK(scanner.panic() == "VFS: Unable");
}

TEST_CASE("a panic without a reason is still a panic") {
  ConsoleScanner scanner;
  scanner.Append("Kernel panic - not syncing: \r\n");
  CHECK(scanner.panic() == "no reason given");
}

TEST_CASE("the scanner finds a failed unpacking, the first one") {
  ConsoleScanner scanner;
  scanner.Append(
      "[    2.1] Initramfs unpacking failed: write error\r\n[ 2.2] Initramfs unpacking failed: x\r\n");
  CHECK(scanner.unpack_error() == "write error");
  CHECK(scanner.panic().empty());
}

TEST_CASE("a line without end does not grow") {
  ConsoleScanner scanner;
  for (int i = 0; i < 1000; ++i) scanner.Append(std::string(1000, 'x'));
  scanner.Append("\n[ 1.0] Kernel panic - not syncing: here\n");
  CHECK(scanner.panic() == "here");
}

TEST_CASE("the first message of stderr is not a warning, if there is anything else") {
  CHECK(FirstMessage("") == "");
  CHECK(FirstMessage("\n\nqemu: could not open\nmore\n") == "qemu: could not open");
  CHECK(FirstMessage("qemu: warning: slow\nqemu: bad\n") == "qemu: bad");
  CHECK(FirstMessage("qemu: warning: slow\nqemu: warning: odd\n") == "qemu: warning: slow");
  CHECK(FirstMessage("no newline\t\x1b[0m") == "no newline  [0m");
}

TEST_CASE("the headline of a crash block") {
  CHECK(!CrashHeadline("noise\n", true).has_value());
  CHECK(!CrashHeadline("PANIC: half", false).has_value());
  CHECK(CrashHeadline("PANIC: half", true) == "half");
  CHECK(CrashHeadline("junk PANIC: std::terminate\r\nframes\n", false) == "std::terminate");
}

}  // namespace
}  // namespace ktstr::vmm
