// Cgroups that a worker makes for itself, below the one it is in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "workloads/worker/worker_context.h"

namespace ktstr {

inline constexpr std::string_view kChurnCgroup = "ktstr-churn-";  // how their names begin

/// Threaded cgroups "ktstr-churn-TID-0", "-1", ... with the controller cpu only. The process stays in its own
/// cgroup, where it is listed, limited and killed; only where its thread is scheduled changes. The kernel
/// refuses to move a thread into one that is not below the process's cgroup, so that a worker whom the
/// scenario moves is never brought back by its next turn. PID 1 removes those of workers that were killed
///.
class ChurnCgroups {
 public:
  /// Makes them below the caller's own cgroup. What fails ends the worker.
  ChurnCgroups(std::uint64_t count, WorkerContext& context);
  /// Back to the own cgroup, and removes them.
  ~ChurnCgroups();
  ChurnCgroups(const ChurnCgroups&) = delete;
  ChurnCgroups& operator=(const ChurnCgroups&) = delete;

  /// Moves the calling thread into one. 0, or the errno of the write.
  int Enter(std::uint64_t which);
  /// "moving into its cgroup /sys/fs/cgroup/...: the errno's text".
  [[nodiscard]] std::string Describe(std::uint64_t which, int code) const;
  /// Removes them and makes new ones below the cgroup that the caller is in by now.
  void MakeAnew();

 private:
  void Make();
  void Remove();
  [[nodiscard]] std::string PathOf(std::uint64_t which) const;

  std::uint64_t count_;
  WorkerContext& context_;
  std::string home_;  // the cgroup of the process, a directory
  std::string name_;  // of each, but for its number
};

}  // namespace ktstr
