// CrossAffinityChurn: a task that changes the CPUs of its neighbours all the time.
#include <unistd.h>

#include <cerrno>

#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/nodes.h"
#include "workloads/worker/own_cgroup.h"
#include "workloads/worker/timed_yield.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct CrossAffinityChurn {
  std::uint64_t spin_iters = 1024;
  static const StructDecl& Decl();
};

const StructDecl& CrossAffinityChurn::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&CrossAffinityChurn::spin_iters>(
          "spin_iters", "Spins between two changes; they are its work units.", Between(1, 1e9, "spins")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<CrossAffinityChurn>(
      "CrossAffinityChurn",
      "Spins, binds all other processes of its cgroup in turn to all of its own CPUs and to all but the "
      "last, "
      "yields. It needs two CPUs and a neighbour; an `affinity` of theirs is lost.",
      kFields);
  return kDecl;
}

/// All processes of its cgroup but itself.
class Neighbours {
 public:
  explicit Neighbours(WorkerContext& context) : context_(context), cgroup_(OwnCgroup()) {}

  /// How many were bound to `cpus`.
  std::size_t Bind(const std::vector<std::uint32_t>& cpus) {
    std::size_t bound = 0;
    for (const std::int32_t pid : ProcessesIn(cgroup_)) {
      if (pid == getpid()) continue;
      if (SetCpus(cpus, pid)) ++bound;
      // It has ended, or the cpuset changes at this moment.
      else if (errno != ESRCH && errno != EINVAL)
        context_.FailCall("sched_setaffinity of process " + std::to_string(pid));
    }
    return bound;
  }

 private:
  WorkerContext& context_;
  std::string cgroup_;
};

void Run(const CrossAffinityChurn& churn, WorkerContext& context) {
  std::vector<std::uint32_t> all;
  if (!ReadOwnCpus(all)) context.FailCall("sched_getaffinity");
  if (all.size() < 2) context.Fail("it may use one CPU only, so there is nothing to change");
  const std::vector<std::uint32_t> all_but_last(all.begin(), all.end() - 1);
  Neighbours neighbours(context);
  if (neighbours.Bind(all) == 0) context.Fail("there is no other process in its cgroup");
  for (bool fewer = true; !context.ShouldStop(); fewer = !fewer) {
    context.Spin(churn.spin_iters);
    const std::size_t bound = neighbours.Bind(fewer ? all_but_last : all);
    TimedYield(context);
    if (bound > 0) context.EndIteration(churn.spin_iters);
  }
  neighbours.Bind(all);
}

}  // namespace

extern constexpr WorkTypeDecl work_type_cross_affinity_churn =
    DeclareWorkType<CrossAffinityChurn, Run>({.wake_sample = kYieldSample});

}  // namespace ktstr
