// Looks at the tasks of payloads while they run, for those that wait for a CPU and do not get one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "guest-init/cgroup_tree.h"
#include "guest-init/task_waits.h"
#include "guest-init/wire/messages.h"

namespace ktstr::guest {

/// A payload whose tasks are looked at: those of its process group or session in its cgroup, and what they
/// start. One that begins a session of its own and loses its parent between two looks is not known to be the
/// payload's.
struct WatchedPayload {
  std::uint32_t handle = 0;
  pid_t pid = 0;
  std::string cgroup;
};

/// One thread.
class PayloadWatch {
 public:
  /// Between two looks: a look at 32 tasks costs PID 1 some milliseconds under TCG, and takes them from the
  /// scheduler under test.
  static constexpr std::uint64_t kEveryNs = 250'000'000;
  /// Shorter waits are not kept.
  static constexpr std::uint64_t kWorthKeepingNs = 500'000'000;
  /// Tasks looked at in one look: those that seem to wait first, the others in turn.
  static constexpr std::size_t kTasksPerLook = 32;

  /// `tree` outlives it.
  explicit PayloadWatch(const CgroupTree& tree) : tree_(tree) {}

  /// A look at all payloads that run.
  void Look(const std::vector<WatchedPayload>& payloads, std::uint64_t now_ns,
            std::uint64_t machine_stopped_ns, std::uint32_t phase);
  /// Looks again at those only that seem to wait: what they waited belongs to what ends here.
  void LookAtWaiting(std::uint64_t now_ns, std::uint64_t machine_stopped_ns, std::uint32_t phase);
  /// No payload runs: no wait goes on.
  void Clear();
  /// The longest wait of one of its tasks so far; nullopt when none was worth keeping. It is forgotten then.
  std::optional<TaskWait> Take(std::uint32_t handle);
  /// Of the waits that went on at the last look.
  [[nodiscard]] std::uint64_t LongestWaitNs() const { return longest_ns_; }

 private:
  struct Task {
    std::optional<std::uint32_t> payload;  // nullopt: none of theirs
    std::string cgroup;
  };

  void Find(const std::vector<WatchedPayload>& payloads);
  void LookAt(pid_t tid, std::uint64_t now_ns, std::uint64_t machine_stopped_ns, std::uint32_t phase);

  const CgroupTree& tree_;
  std::map<pid_t, Task> tasks_;
  TaskWaits waits_;
  std::map<std::uint32_t, TaskWait> longest_;
  std::uint64_t longest_ns_ = 0;
  pid_t turn_ = 0;  // the last task that was looked at in its turn
};

}  // namespace ktstr::guest
