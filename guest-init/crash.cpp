#include "guest-init/crash.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace ktstr::guest {
namespace {

// A node of our own, so that it can be opened before, and without, a mounted /dev.
constexpr const char* kCrashConsole = "/.crash-console";
constexpr unsigned kSerialMajor = 4, kSecondPortMinor = 65;  // ttyS1

struct FatalSignal {
  int number;
  const char* name;
};
constexpr FatalSignal kFatalSignals[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGILL, "SIGILL"}, {SIGFPE, "SIGFPE"}, {SIGABRT, "SIGABRT"}};

/// A text put together without allocating; usable in a signal handler.
class CrashText {
 public:
  void Add(std::string_view text) {
    for (const char c : text)
      if (size_ < buffer_.size()) buffer_[size_++] = c;
  }
  void AddNumber(std::uint64_t value, unsigned base) {
    std::array<char, 20> digits{};
    std::size_t count = 0;
    do {
      digits[count++] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value > 0);
    while (count > 0) Add({&digits[--count], 1});
  }
  void Write() {
    const int fd = open(kCrashConsole, O_WRONLY | O_NOCTTY);
    if (fd < 0) return;
    for (std::size_t done = 0; done < size_;) {
      const ssize_t written = write(fd, buffer_.data() + done, size_ - done);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) break;
      done += static_cast<std::size_t>(written);
    }
    tcdrain(fd);
    close(fd);
  }

 private:
  std::array<char, 512> buffer_{};
  std::size_t size_ = 0;
};

void OnFatalSignal(int number, siginfo_t* info, void* context) {
  if (getpid() != 1) {  // a child that has not restored its signals yet dies as it would have
    signal(number, SIG_DFL);
    raise(number);
    return;
  }
  CrashText text;
  text.Add("PANIC: ");
  for (const FatalSignal& fatal : kFatalSignals)
    if (fatal.number == number) text.Add(fatal.name);
  if (info->si_code <= 0) {
    text.Add(" sent by pid ");
    text.AddNumber(static_cast<std::uint64_t>(info->si_pid), 10);
  } else {
    text.Add(" at 0x");
    text.AddNumber(reinterpret_cast<std::uint64_t>(info->si_addr), 16);
  }
  text.Add(", pid 1, instruction 0x");
  text.AddNumber(
      static_cast<std::uint64_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]), 16);
  text.Add("\n");
  text.Write();
  StopMachine();
}

}  // namespace

void InstallCrashHandlers() {
  mknod(kCrashConsole, S_IFCHR | 0600, makedev(kSerialMajor, kSecondPortMinor));
  // A stack of its own, so that running out of stack can be reported too.
  constexpr std::size_t kStackSize = 64 << 10;
  stack_t stack{};
  stack.ss_sp =
      mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  stack.ss_size = kStackSize;
  if (stack.ss_sp != MAP_FAILED) sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_sigaction = &OnFatalSignal;
  action.sa_flags = static_cast<int>(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND);
  sigfillset(&action.sa_mask);
  for (const FatalSignal& fatal : kFatalSignals) sigaction(fatal.number, &action, nullptr);
}

void RestoreSignals() {
  for (const FatalSignal& fatal : kFatalSignals) signal(fatal.number, SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void Panic(std::string_view cause) {
  CrashText text;
  text.Add("PANIC: ");
  text.Add(cause);
  text.Add("\n");
  text.Write();
  StopMachine();
}

void StopMachine() {
  reboot(RB_POWER_OFF);
  reboot(RB_AUTOBOOT);
  for (;;) pause();
}

}  // namespace ktstr::guest
