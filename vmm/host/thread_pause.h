// Pauses one thread of a child process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string_view>

namespace ktstr::vmm {

/// Lasts from construction to destruction; both must be called on the same thread, because ptrace(2) knows
/// tracers by thread. Where ptrace is forbidden the thread keeps running: see paused().
class ThreadPause {
 public:
  static constexpr std::chrono::seconds kPatience{1};

  /// `name`: the thread's, as /proc/<process>/task/*/comm has it; the first of that name. One that hangs in
  /// the kernel is given up after kPatience. REQUIRES: `process` is a child of ours.
  ThreadPause(pid_t process, std::string_view name);
  ~ThreadPause();
  ThreadPause(const ThreadPause&) = delete;
  ThreadPause& operator=(const ThreadPause&) = delete;

  [[nodiscard]] bool paused() const { return paused_; }

 private:
  pid_t thread_ = -1;  // seized by us; -1: none
  bool paused_ = false;
};

}  // namespace ktstr::vmm
