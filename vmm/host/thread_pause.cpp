#include "vmm/host/thread_pause.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

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

/// Waits until the traced thread is paused; false when it has ended instead.
bool AwaitStop(pid_t thread) {
  int status = 0;
  while (::waitpid(thread, &status, __WALL) < 0)
    if (errno != EINTR) return false;
  return WIFSTOPPED(status);
}

}  // namespace

ThreadPause::ThreadPause(pid_t process, std::string_view name) {
  const pid_t thread = FindThread(process, name);
  if (thread < 0 || ::ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) return;
  if (::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) == 0 && AwaitStop(thread)) thread_ = thread;
}

ThreadPause::~ThreadPause() {
  // One that was killed meanwhile needs no letting go.
  if (paused()) ::ptrace(PTRACE_DETACH, thread_, nullptr, nullptr);
}

}  // namespace ktstr::vmm
