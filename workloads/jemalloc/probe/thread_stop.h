// One thread of another process, stopped for a moment.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace ktstr::jemalloc {

/// Stops a thread by ptrace; the end of the object lets it run. When this process is killed meanwhile, the
/// kernel does that, and a signal that the thread was about to get is not lost either way. A thread that is
/// stopped by SIGSTOP stays so. One thread; SIGCHLD must be blocked in it, and belongs to this class.
class ThreadStop {
 public:
  /// A thread in an uninterruptible sleep does not stop. It then stays traced until this process ends.
  static constexpr std::chrono::milliseconds kPatience{2000};

  /// Look at stopped(), ended() and error() for what came of it.
  explicit ThreadStop(pid_t tid);
  ThreadStop(const ThreadStop&) = delete;
  ~ThreadStop();

  [[nodiscard]] bool stopped() const { return stopped_; }
  /// There is no such thread (any more).
  [[nodiscard]] bool ended() const { return !stopped_ && error_.empty(); }
  /// Why it cannot be stopped, one line; empty when it is or has ended.
  [[nodiscard]] const std::string& error() const { return error_; }

  /// x86-64's fs base, where the thread's own data ends and its thread control block begins.
  /// REQUIRES: stopped(). nullopt: it was killed meanwhile.
  [[nodiscard]] std::optional<std::uint64_t> ThreadPointer() const;

 private:
  void AwaitStop();

  pid_t tid_;
  bool stopped_ = false;
  int signal_ = 0;  // what it was about to get, and gets at the end
  std::string error_;
};

}  // namespace ktstr::jemalloc
