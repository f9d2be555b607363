// How a task is scheduled, set from within (a worker that prepares itself) and from outside (PID 1).
#pragma once

#include <sys/types.h>

#include <string>

#include "guest-init/base/units.h"
#include "guest-init/wire/messages.h"

namespace ktstr::guest {

/// What failed, and how far that matters.
struct TaskFault {
  std::string text;   // one line with the call, its value and the cause; "": nothing failed
  bool gone = false;  // there is no such task any more
};

// `tid` 0 is the caller.

TaskFault BindTask(pid_t tid, const CpuSet& cpus);
TaskFault SetTaskPolicy(pid_t tid, const TaskPolicy& policy);
/// Under policies normal, batch and idle; of others the kernel keeps it for later.
TaskFault SetTaskNice(pid_t tid, std::int32_t nice);

}  // namespace ktstr::guest
