// How long tasks that PID 1 did not fork as workers (a payload's) wait for a CPU, seen from outside: by the
// kernel's figures at looks some hundred milliseconds apart.
//
// A task that is runnable at two looks, and has neither run nor been on a CPU in between, waited all that
// time. So what is told is never longer than the true wait, and shorter by at most one time between two looks
// at each end.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "guest-init/kernel_look.h"

namespace ktstr::guest {

/// A moment, and what did not let any task, or any of a cgroup, run up to it; since whenever.
struct WaitMoment {
  std::uint64_t now_ns = 0;
  std::uint64_t throttled_ns = 0;
  std::uint64_t machine_stopped_ns = 0;
};

struct Wait {
  WaitMoment begin, end;
  std::uint32_t cpu = 0;  // on whose run queue it waited at the end
  [[nodiscard]] std::uint64_t ns() const { return end.now_ns - begin.now_ns; }
};

/// Pure: what it is shown is all it knows.
class TaskWaits {
 public:
  /// One look at a task. Returns the wait that goes on, when there is one.
  std::optional<Wait> Look(pid_t tid, const TaskLook& look, const WaitMoment& moment);
  /// Whether the task was runnable at the last look and had not run since the one before, or might not have.
  [[nodiscard]] bool Waits(pid_t tid) const;
  /// Those, the one that may have waited for longest first, at most `most`: however many are runnable, one
  /// that does not run comes to the front.
  [[nodiscard]] std::vector<pid_t> LongestFirst(std::size_t most) const;
  void Forget(pid_t tid) { tasks_.erase(tid); }

 private:
  struct Task {
    std::uint64_t cpu_ns = 0;
    std::uint64_t run_count = 0;
    std::optional<WaitMoment> waits_since;
  };
  std::map<pid_t, Task> tasks_;
};

}  // namespace ktstr::guest
