// Holds one thread of a child process still.
#pragma once

#include <sys/types.h>

#include <string_view>

namespace ktstr::vmm {

/// From construction to destruction, in one thread of ours. Does it by ptrace, which where it is forbidden
/// leaves the thread running: see paused().
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
