#include "guest-init/worker_setup.h"

#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>

#include "guest-init/base/units.h"
#include "guest-init/system_error.h"
#include "guest-init/worker_main.h"

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

std::string SetAffinity(const StartWorkers& request, std::uint32_t index) {
  if (request.affinity.empty()) return {};
  CpuSet cpus{request.affinity};
  if (request.affinity_random_count > 0)
    cpus.cpus = DrawCpus(request.affinity, request.affinity_random_count, request.seed, index);
  const std::uint32_t highest = *std::max_element(cpus.cpus.begin(), cpus.cpus.end());
  const std::size_t size = CPU_ALLOC_SIZE(highest + 1);
  std::vector<std::byte> mask(size);
  for (const std::uint32_t cpu : cpus.cpus) CPU_SET_S(cpu, size, reinterpret_cast<cpu_set_t*>(mask.data()));
  if (sched_setaffinity(0, size, reinterpret_cast<cpu_set_t*>(mask.data())) == 0) return {};
  std::string fault = SystemError("sched_setaffinity to " + FormatCpus(cpus)).message;
  if (errno == EINVAL) fault += " (none of these CPUs is in the worker's cpuset)";
  return fault;
}

std::string SetPolicy(const StartWorkers& request) {
  if (request.policy == SchedPolicy::kNormal) return {};
  const PolicyName policy = KernelPolicy(request.policy);
  SchedAttr attr{};
  attr.size = sizeof attr;
  attr.sched_policy = policy.number;
  if (request.policy == SchedPolicy::kFifo || request.policy == SchedPolicy::kRr)
    attr.sched_priority = std::clamp<std::uint32_t>(request.rt_priority, 1, 99);
  if (request.policy == SchedPolicy::kDeadline) {
    attr.sched_runtime = request.dl_runtime_ns;
    attr.sched_deadline = request.dl_deadline_ns;
    attr.sched_period = request.dl_period_ns;
  }
  if (syscall(SYS_sched_setattr, 0, &attr, 0) == 0) return {};
  const int code = errno;
  std::string fault = SystemError(std::string("sched_setattr to ") + policy.name, code).message;
  if (code == EINVAL && request.policy == SchedPolicy::kExt) fault += " (this kernel has no sched_ext)";
  if (code == EBUSY && request.policy == SchedPolicy::kDeadline) fault += " (no bandwidth left to reserve)";
  if (code == EPERM && request.policy == SchedPolicy::kDeadline)
    fault += " (a deadline task must be allowed on all CPUs of its root domain)";
  return fault;
}

}  // namespace

SetupFaults SetUpWorker(const StartWorkers& request, std::uint32_t index) {
  SetupFaults faults;
  faults.affinity = SetAffinity(request, index);
  faults.policy = SetPolicy(request);
  if (request.nice && setpriority(PRIO_PROCESS, 0, *request.nice) != 0)
    faults.nice = SystemError("setpriority to " + std::to_string(*request.nice)).message;
  // Without a name of its own a worker is called after its work type, not after PID 1.
  const std::string comm = (request.comm.empty() ? request.work_type : request.comm).substr(0, 15);
  prctl(PR_SET_NAME, comm.c_str());
  if (request.gid && (setgroups(0, nullptr) != 0 || setresgid(*request.gid, *request.gid, *request.gid) != 0))
    faults.gid = SystemError("setresgid to " + std::to_string(*request.gid)).message;
  if (request.uid && setresuid(*request.uid, *request.uid, *request.uid) != 0)
    faults.uid = SystemError("setresuid to " + std::to_string(*request.uid)).message;
  // Changing ids closes /proc/self to the process itself, and clears its parent-death signal.
  if (request.uid || request.gid) prctl(PR_SET_DUMPABLE, 1);
  return faults;
}

}  // namespace ktstr::guest
