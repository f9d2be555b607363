#include "vmm/host/thread_pause.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "vmm/host/deadline.h"

namespace ktstr::vmm {
namespace {

pid_t FindThread(pid_t process, std::string_view name) {
  std::error_code error;  // a process that is gone has no threads
  const std::filesystem::path tasks = "/proc/" + std::to_string(process) + "/task";
  for (std::filesystem::directory_iterator task(tasks, error), end; !error && task != end;
       task.increment(error)) {
    std::string comm;
    std::getline(std::ifstream(task->path() / "comm"), comm);
    if (comm == name) return static_cast<pid_t>(std::atol(task->path().filename().c_str()));
  }
  return -1;
}

/// Waits until the traced thread is paused; false when it has ended instead or the deadline has passed.
bool AwaitPause(pid_t thread, Deadline deadline) {
  // Nothing that poll(2) could wait for tells of it. A thread in user space pauses within microseconds.
  for (std::chrono::microseconds nap{20};; nap = std::min(2 * nap, std::chrono::microseconds(1000))) {
    int status = 0;
    const pid_t found = ::waitpid(thread, &status, __WALL | WNOHANG);
    if (found == thread) return WIFSTOPPED(status);
    if ((found < 0 && errno != EINTR) || Passed(deadline)) return false;
    std::this_thread::sleep_for(nap);
  }
}

}  // namespace

ThreadPause::ThreadPause(pid_t process, std::string_view name) {
  const pid_t thread = FindThread(process, name);
  if (thread < 0 || ::ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) return;
  thread_ = thread;
  paused_ = ::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) == 0 && AwaitPause(thread, After(kPatience));
}

ThreadPause::~ThreadPause() {
  if (thread_ < 0) return;
  // One that was given up pauses as soon as it leaves the kernel, and only a paused one can be let go.
  if (!paused_) AwaitPause(thread_, After(kPatience));
  ::ptrace(PTRACE_DETACH, thread_, nullptr,
           nullptr);  // fails for one that was killed meanwhile, which needs none
}

}  // namespace ktstr::vmm
