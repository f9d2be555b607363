// AffinityChurn: a task that binds itself to another CPU all the time.
#include <cerrno>

#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/nodes.h"
#include "workloads/worker/timed_yield.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct AffinityChurn {
  std::uint64_t spin_iters = 1024;
  static const StructDecl& Decl();
};

const StructDecl& AffinityChurn::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&AffinityChurn::spin_iters>("spin_iters", "Spins between two moves; they are its work units.",
                                           Between(1, 1e9, "spins")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<AffinityChurn>(
      "AffinityChurn",
      "Spins, binds itself to one CPU, chosen at random out of those that it had at first, yields.", kFields);
  return kDecl;
}

/// Those that are left of `first`, which a change of the cpuset may have cut down.
std::vector<std::uint32_t> LeftOf(const std::vector<std::uint32_t>& first, WorkerContext& context) {
  std::vector<std::uint32_t> left;
  if (!SetCpus(first)) context.FailCall("sched_setaffinity to the CPUs it had at first");
  if (!ReadOwnCpus(left)) context.FailCall("sched_getaffinity");
  return left;
}

void Run(const AffinityChurn& churn, WorkerContext& context) {
  std::vector<std::uint32_t> first;
  if (!ReadOwnCpus(first)) context.FailCall("sched_getaffinity");
  std::vector<std::uint32_t> cpus = first;
  while (!context.ShouldStop()) {
    context.Spin(churn.spin_iters);
    const std::uint32_t cpu = cpus[context.rng().Next() % cpus.size()];
    if (!SetCpus({cpu})) {
      // Its cgroup has lost that CPU meanwhile.
      if (errno != EINVAL) context.FailCall("sched_setaffinity to CPU " + std::to_string(cpu));
      cpus = LeftOf(first, context);
      continue;
    }
    TimedYield(context);
    context.EndIteration(churn.spin_iters);
  }
  SetCpus(first);
}

}  // namespace

extern constexpr WorkTypeDecl work_type_affinity_churn =
    DeclareWorkType<AffinityChurn, Run>({.wake_sample = kYieldSample});

}  // namespace ktstr
