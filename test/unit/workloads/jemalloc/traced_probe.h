// The jemalloc probe, held by a test at a system call of its choice.
#pragma once

#include <sys/types.h>

#include "guest-init/base/fd.h"
#include "test/unit/workloads/jemalloc/started.h"

namespace ktstr::test {

/// Runs under the test's own ptrace. The destructor kills and reaps it. One thread.
class TracedProbe {
 public:
  explicit TracedProbe(pid_t target);
  TracedProbe(const TracedProbe&) = delete;
  ~TracedProbe();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Lets it run until it is about to ask for this (PTRACE_DETACH, ...), which has not happened then.
  void RunTo(long request);
  /// Lets it run to its end.
  Ending Finish();
  /// SIGKILL where it is; returns once it is gone.
  void Kill();

 private:
  pid_t pid_ = -1;
  Fd output_;
  Fd errors_;
};

/// Returns once the thread is in this state ('S', 't', ...).
void AwaitState(pid_t tid, char state);

}  // namespace ktstr::test
