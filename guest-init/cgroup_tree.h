// The managed part of the cgroup v2 tree: everything below kCgroupParent. Names are relative to it and may
// nest ("a/b"); "" is the runner's own cgroup, where nothing is managed.
#pragma once

#include <sys/types.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"
#include "guest-init/frozen_times.h"

namespace ktstr::guest {

class CgroupTree {
 public:
  /// `root`: the mount point. `parent`: the managed directory, directly below it.
  CgroupTree(std::string root, std::string parent) : root_(std::move(root)), parent_(std::move(parent)) {}

  /// Makes the managed directory, and enables the controller that each of its cgroups gets (cpu, so that it
  /// is a task group) where the kernel has it: in the template, since it costs a clone 15 ms.
  Result<> Create();
  [[nodiscard]] std::vector<std::string> AvailableControllers() const;
  /// For all cgroups of the tree, present and to come; for nested ones only when `nested`.
  Result<> EnableControllers(const std::vector<std::string>& controllers, bool nested);

  /// Makes `cgroup` and the directories above it. One that exists already is an error.
  Result<> CreateCgroup(const std::string& cgroup);
  Result<> WriteFile(const std::string& cgroup, const std::string& file, const std::string& value) const;
  /// Moves a process. Nothing happens for "".
  Result<> Place(pid_t pid, const std::string& cgroup) const;
  /// The processes in it, as its cgroup.procs has them; of "" those of the root, where the runner is.
  [[nodiscard]] std::vector<pid_t> Processes(const std::string& cgroup) const {
    return TasksIn(cgroup, "cgroup.procs");
  }
  /// The same of all their threads.
  [[nodiscard]] std::vector<pid_t> Threads(const std::string& cgroup) const {
    return TasksIn(cgroup, "cgroup.threads");
  }
  /// Fails when `cgroup`, or one above it, has more tasks than its pids.max: moving tasks into a cgroup,
  /// unlike forking in it, goes past that limit. Error (kGuest): "cgroup 'hot' has 3 tasks; its pids.max is
  /// 1".
  Result<> CheckPids(const std::string& cgroup) const;
  /// Fails unless `cgroup` exists; "" always does.
  Result<> CheckExists(const std::string& cgroup) const;

  /// Has the kernel freeze `cgroup` with all below it, or thaw it. It takes its time: see Frozen().
  Result<> SetFrozen(const std::string& cgroup, bool frozen);
  /// Whether every process in it and below it is frozen.
  [[nodiscard]] bool Frozen(const std::string& cgroup) const;
  /// Thaws it and those above it: only then do its tasks run on, to their ends for example. Nothing happens
  /// for "".
  void Thaw(const std::string& cgroup);
  /// Which cgroups we froze, and when: time to be taken off what a task may be blamed for.
  [[nodiscard]] const FrozenTimes& frozen_times() const { return frozen_times_; }

  /// Thaws the cgroup and kills every process in it, not those of cgroups below it.
  void KillAll(const std::string& cgroup);
  /// The name of a cgroup below it, but for those that workers made (ChurnCgroups); empty when there is none.
  [[nodiscard]] std::string FindChild(const std::string& cgroup) const;
  /// True while any process is in it or below it.
  [[nodiscard]] bool Populated(const std::string& cgroup) const;
  /// With what workers that were killed have left below it.
  Result<> Remove(const std::string& cgroup);

  [[nodiscard]] std::string Path(const std::string& cgroup) const { return parent_ + "/" + cgroup; }
  /// What could be wrong when writing to `file` fails with `code`, e.g. " (the cpu controller is not
  /// enabled)"; empty when the error speaks for itself.
  static std::string Hint(std::string_view file, int code);

 private:
  [[nodiscard]] std::vector<pid_t> TasksIn(const std::string& cgroup, const char* file) const;
  [[nodiscard]] bool MadeByWorker(const std::string& cgroup, std::string_view child) const;
  void RemoveMadeByWorkers(const std::string& cgroup) const;
  Result<> EnableOnTop(const std::set<std::string>& controllers);
  Result<> EnableIn(const std::string& directory, const std::set<std::string>& controllers) const;

  std::string root_;
  std::string parent_;
  std::set<std::string> enabled_on_top_;  // below the root and the managed directory
  std::set<std::string> enabled_;         // in nested cgroups too
  std::set<std::string> created_;
  std::set<std::string> intermediates_;  // cgroups with cgroups below them
  FrozenTimes frozen_times_;
};

}  // namespace ktstr::guest
