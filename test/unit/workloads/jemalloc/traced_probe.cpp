#include "test/unit/workloads/jemalloc/traced_probe.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <thread>

#include "test/checkout.h"

namespace ktstr::test {
namespace {

/// A file without a name for what the probe says: nobody has to read it while the probe runs.
Fd OutputFile() { return Fd(open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)); }

std::string Contents(const Fd& file) {
  std::string text(65536, '\0');
  const ssize_t got = pread(file.get(), text.data(), text.size(), 0);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return text;
}

}  // namespace

void AwaitState(pid_t tid, char state) {
  while (StateOf(tid) != state) std::this_thread::yield();
}

TracedProbe::TracedProbe(pid_t target) : output_(OutputFile()), errors_(OutputFile()) {
  const std::string program = std::string(kBinaryDir) + "/ktstr-jemalloc-probe";
  const std::string number = std::to_string(target);
  pid_ = fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    dup2(output_.get(), STDOUT_FILENO);
    dup2(errors_.get(), STDERR_FILENO);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execl(program.c_str(), program.c_str(), "--pid", number.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  REQUIRE(waitpid(pid_, &status, 0) == pid_);
  REQUIRE(WIFSTOPPED(status));  // by its exec
  REQUIRE(ptrace(PTRACE_SETOPTIONS, pid_, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) == 0);
}

TracedProbe::~TracedProbe() { Kill(); }

void TracedProbe::RunTo(long request) {
  int signal = 0;
  for (;;) {
    REQUIRE(ptrace(PTRACE_SYSCALL, pid_, 0, signal) == 0);
    int status = 0;
    REQUIRE(waitpid(pid_, &status, 0) == pid_);
    REQUIRE(WIFSTOPPED(status));
    signal = 0;
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
      signal = WSTOPSIG(status);
      continue;
    }
    __ptrace_syscall_info info = {};
    REQUIRE(ptrace(PTRACE_GET_SYSCALL_INFO, pid_, sizeof info, &info) > 0);
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_ptrace &&
        static_cast<long>(info.entry.args[0]) == request)
      return;
  }
}

Ending TracedProbe::Finish() {
  REQUIRE(ptrace(PTRACE_DETACH, pid_, 0, 0) == 0);
  int status = 0;
  REQUIRE(waitpid(pid_, &status, 0) == pid_);
  pid_ = -1;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), Contents(output_),
          Contents(errors_)};
}

void TracedProbe::Kill() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

}  // namespace ktstr::test
