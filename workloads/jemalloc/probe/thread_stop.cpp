#include "workloads/jemalloc/probe/thread_stop.h"

#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "workloads/jemalloc/probe/target_process.h"

namespace ktstr::jemalloc {
namespace {

using Clock = std::chrono::steady_clock;

/// Why the kernel does not let us trace it; empty when it is ending.
std::string WhyNot(pid_t tid, int error) {
  if (error == ESRCH) return {};
  const std::optional<TaskIdentity> identity = IdentityOf(tid, tid);
  if (!identity || identity->state == 'Z' || identity->state == 'X') return {};
  const long tracer = StatusNumber(tid, "TracerPid").value_or(0);
  if (tracer != 0) return "it is already traced by process " + std::to_string(tracer);
  return std::string("it cannot be traced: ") + std::strerror(error) +
         "; run the probe as its user, as root, or lower kernel.yama.ptrace_scope";
}

/// What the thread has to tell, without taking it: a signal that we have not taken stays the thread's own
/// when we are killed. False: nothing within `wait`.
bool Peek(pid_t tid, siginfo_t& what, std::chrono::nanoseconds wait) {
  const auto deadline = Clock::now() + wait;
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  for (;;) {
    what = {};
    const int result =
        waitid(P_PID, static_cast<id_t>(tid), &what, WSTOPPED | WEXITED | WNOWAIT | WNOHANG | __WALL);
    if (result != 0 && errno != EINTR) return true;  // what.si_pid == 0: there is no such thread any more
    if (result == 0 && what.si_pid != 0) return true;
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
    sigtimedwait(&child, nullptr, &timeout);  // whatever it returns, the next look tells
  }
}

}  // namespace

ThreadStop::ThreadStop(pid_t tid) : tid_(tid) {
  if (ptrace(PTRACE_SEIZE, tid_, 0, 0) != 0) {
    error_ = WhyNot(tid_, errno);
    return;
  }
  if (ptrace(PTRACE_INTERRUPT, tid_, 0, 0) != 0) return;  // it has ended
  AwaitStop();
}

void ThreadStop::AwaitStop() {
  siginfo_t what;
  if (!Peek(tid_, what, kPatience)) {
    error_ = "it did not stop within " + std::to_string(kPatience.count()) + " ms";
    return;
  }
  if (what.si_pid == 0) return;
  if (what.si_code != CLD_TRAPPED && what.si_code != CLD_STOPPED) {
    waitpid(tid_, nullptr, __WALL | WNOHANG);  // its end, which nobody else will take
    return;
  }
  stopped_ = true;
  // Any other stop than ours is that of a signal on its way.
  if (what.si_status >> 8 != PTRACE_EVENT_STOP) signal_ = what.si_status & 0xff;
}

std::optional<std::uint64_t> ThreadStop::ThreadPointer() const {
  user_regs_struct registers;
  if (ptrace(PTRACE_GETREGS, tid_, 0, &registers) != 0) return std::nullopt;
  return registers.fs_base;
}

ThreadStop::~ThreadStop() {
  if (stopped_) ptrace(PTRACE_DETACH, tid_, 0, reinterpret_cast<void*>(static_cast<long>(signal_)));
}

}  // namespace ktstr::jemalloc
