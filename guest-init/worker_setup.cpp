#include "guest-init/worker_setup.h"

#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "guest-init/base/units.h"
#include "guest-init/system_error.h"
#include "guest-init/task_control.h"
#include "guest-init/worker_main.h"

namespace ktstr::guest {
namespace {

std::string SetAffinity(const StartWorkers& request, std::uint32_t index) {
  if (request.affinity.empty()) return {};
  CpuSet cpus{request.affinity};
  if (request.affinity_random_count > 0)
    cpus.cpus = DrawCpus(request.affinity, request.affinity_random_count, request.seed, index);
  return BindTask(0, cpus).text;
}

std::string SetPolicy(const StartWorkers& request) {
  if (request.policy == SchedPolicy::kNormal) return {};
  return SetTaskPolicy(0, {request.policy, request.rt_priority, request.dl_runtime_ns, request.dl_deadline_ns,
                           request.dl_period_ns})
      .text;
}

}  // namespace

SetupFaults SetUpWorker(const StartWorkers& request, std::uint32_t index) {
  SetupFaults faults;
  faults.affinity = SetAffinity(request, index);
  faults.policy = SetPolicy(request);
  if (request.nice) faults.nice = SetTaskNice(0, *request.nice).text;
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
