// What the kernel says of tasks and cgroups, read from /proc, /sys and the CPU clocks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/cgroup_tree.h"
#include "guest-init/worker_account.h"

namespace ktstr::guest {

/// Of a process with one thread, also after it has died and before it is reaped. What cannot be read is 0 or
/// unknown.
TaskLook LookAtTask(pid_t pid);
/// Of one thread. Its CPU time is as old as the last tick while it runs.
TaskLook LookAtThread(pid_t tid);

/// Of a process, over all its threads; 0 once it was reaped.
std::uint64_t CpuTimeNs(pid_t pid);
/// Whether the process has begun to end, by whatever, and is not reaped yet. A scheduler may be gone before
/// its program is.
bool IsExiting(pid_t pid);

/// How long the cgroup and those above it have been throttled by cpu.max, over all CPUs; 0 when nothing of
/// the kind is set.
std::uint64_t ThrottledNs(const CgroupTree& tree, const std::string& cgroup);
/// The CPUs its tasks may use now; empty when the kernel does not say, as for "".
std::vector<std::uint32_t> EffectiveCpus(const CgroupTree& tree, const std::string& cgroup);

// The parsers, apart from the files so that tests can feed them.
struct TaskStat {
  TaskState state = TaskState::kUnknown;
  pid_t parent = 0;
  pid_t process_group = 0;
  pid_t session = 0;
  std::uint32_t flags = 0;  // PF_*
  std::uint32_t cpu = 0;
};
/// A line of /proc/PID/stat; the name in it may hold anything.
TaskStat ParseTaskStat(std::string_view text);
/// The value behind "throttled_usec" in a cpu.stat, in ns.
std::uint64_t ParseThrottled(std::string_view text);

}  // namespace ktstr::guest
