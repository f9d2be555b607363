// Pauses one thread of a child process.
#pragma once

#include <sys/types.h>

#include <string_view>

namespace ktstr::vmm {

/// Lasts from construction to destruction; both must be called on the same thread, because ptrace(2) knows
/// tracers by thread. Where ptrace is forbidden the thread keeps running: see paused().
class ThreadPause {
 public:
  /// `name`: the thread's, as /proc/<process>/task/*/comm has it; the first of that name.
  /// REQUIRES: `process` is a child of ours.
  ThreadPause(pid_t process, std::string_view name);
  ~ThreadPause();
  ThreadPause(const ThreadPause&) = delete;
  ThreadPause& operator=(const ThreadPause&) = delete;

  [[nodiscard]] bool paused() const { return thread_ > 0; }

 private:
  pid_t thread_ = -1;
};

}  // namespace ktstr::vmm
