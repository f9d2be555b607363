// Finds a task of the guest by pid and proves that it is the task that was meant, and that its scheduler
// fields may be written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "guest-init/base/result.h"
#include "vmm/introspection/kernel/kernel_access.h"

namespace ktstr::vmm {

/// A walk over the task list ends after this many nodes.
inline constexpr std::size_t kMaxTaskNodes = 65'536;
/// /proc/PID/stat rounds a start time down to a tick of user space (USER_HZ 100).
inline constexpr std::uint64_t kStartTimeTickNs = 10'000'000;

/// The address of the task_struct of the thread `target.pid`, once it has passed, in this order:
///   1 pid          it is found from init_task over all processes and their threads
///   2 start time   start_boottime is within [expected, expected + 10 ms)
///   3 alive        __state without TASK_DEAD
///   4 not queued   on_rq is 0                                             (kWrite only)
///   5 no DSQ       scx.dsq is null and scx.runnable_node empty            (kWrite only)
///   6 sched_ext    sched_class is ext_sched_class; its policy says nothing (kWrite only)
///   8 complete     start_boottime is not 0
/// (7, policy, was given up: sched_ext takes over SCHED_NORMAL tasks and leaves their policy alone.)
/// A read changes nothing, so it needs no more than the right task: layers 1, 2, 3 and 8.
///
/// Errors: kInput naming the layer, what was seen and what to do; kGuest when the task list cannot be walked.
/// With the guest running a walk may follow a task that is just ending, so a miss is looked up again, twice.
Result<std::uint64_t> FindTask(const KernelView& view, const TaskTarget& target, KernelIntent intent);

/// The one task whose comm (at most 15 characters) this is, as a target. Errors (kInput): "none of the
/// guest's 61 tasks is called 'x'", "several tasks are called 'x' (pids 71, 72); give one's pid and
/// start_time_ns"; kGuest as above.
Result<TaskTarget> TaskByName(const KernelView& view, std::string_view comm, std::string field);

}  // namespace ktstr::vmm
