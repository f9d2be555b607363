#include "guest-init/task_control.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "guest-init/system_error.h"
#include "workloads/worker/nodes.h"

namespace ktstr::guest {
namespace {

/// The kernel's struct sched_attr, which libc does not declare.
struct SchedAttr {
  std::uint32_t size;
  std::uint32_t sched_policy;
  std::uint64_t sched_flags;
  std::int32_t sched_nice;
  std::uint32_t sched_priority;
  std::uint64_t sched_runtime;
  std::uint64_t sched_deadline;
  std::uint64_t sched_period;
};

struct PolicyName {
  std::uint32_t number;
  const char* name;
};
PolicyName KernelPolicy(SchedPolicy policy) {
  switch (policy) {
    case SchedPolicy::kNormal:
      return {SCHED_OTHER, "SCHED_OTHER"};
    case SchedPolicy::kBatch:
      return {SCHED_BATCH, "SCHED_BATCH"};
    case SchedPolicy::kIdle:
      return {SCHED_IDLE, "SCHED_IDLE"};
    case SchedPolicy::kFifo:
      return {SCHED_FIFO, "SCHED_FIFO"};
    case SchedPolicy::kRr:
      return {SCHED_RR, "SCHED_RR"};
    case SchedPolicy::kDeadline:
      return {SCHED_DEADLINE, "SCHED_DEADLINE"};
    case SchedPolicy::kExt:
      return {7, "SCHED_EXT"};
  }
  return {SCHED_OTHER, "SCHED_OTHER"};
}

TaskFault Fault(const std::string& what, int code, const std::string& hint) {
  return {SystemError(what, code).message + hint, code == ESRCH};
}

}  // namespace

TaskFault BindTask(pid_t tid, const CpuSet& cpus) {
  if (SetCpus(cpus.cpus, tid)) return {};
  const int code = errno;
  std::string hint;
  if (code == EINVAL) hint = " (none of these CPUs is in the worker's cpuset)";
  if (code == EBUSY || code == EPERM)
    hint = " (a deadline task must be allowed on all CPUs of its root domain)";
  return Fault("sched_setaffinity to " + FormatCpus(cpus), code, hint);
}

TaskFault SetTaskPolicy(pid_t tid, const TaskPolicy& policy) {
  const PolicyName name = KernelPolicy(policy.policy);
  SchedAttr attr{};
  attr.size = sizeof attr;
  attr.sched_policy = name.number;
  if (policy.policy == SchedPolicy::kFifo || policy.policy == SchedPolicy::kRr)
    attr.sched_priority = std::clamp<std::uint32_t>(policy.rt_priority, 1, 99);
  if (policy.policy == SchedPolicy::kDeadline) {
    attr.sched_runtime = policy.dl_runtime_ns;
    attr.sched_deadline = policy.dl_deadline_ns;
    attr.sched_period = policy.dl_period_ns;
  } else if (tid != 0) {
    attr.sched_nice = getpriority(PRIO_PROCESS, static_cast<id_t>(tid));  // else it would become 0
  }
  if (syscall(SYS_sched_setattr, tid, &attr, 0) == 0) return {};
  const int code = errno;
  std::string hint;
  if (code == EINVAL && policy.policy == SchedPolicy::kExt) hint = " (this kernel has no sched_ext)";
  if (policy.policy == SchedPolicy::kDeadline && code == EBUSY) hint = " (no bandwidth left to reserve)";
  if (policy.policy == SchedPolicy::kDeadline && code == EPERM)
    hint = " (a deadline task must be allowed on all CPUs of its root domain)";
  return Fault(std::string("sched_setattr to ") + name.name, code, hint);
}

TaskFault SetTaskNice(pid_t tid, std::int32_t nice) {
  if (setpriority(PRIO_PROCESS, static_cast<id_t>(tid), nice) == 0) return {};
  return Fault("setpriority to " + std::to_string(nice), errno, "");
}

}  // namespace ktstr::guest
