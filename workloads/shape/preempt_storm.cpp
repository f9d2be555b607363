// PreemptStorm: a real-time task that preempts others again and again.
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct PreemptStorm {
  std::uint32_t cfs_workers = 2;
  std::uint64_t rt_burst_iters = 1024;
  std::uint64_t rt_sleep_us = 1000;
  [[nodiscard]] std::uint32_t GroupSize() const { return cfs_workers + 1; }
  [[nodiscard]] WorkerRole Role(std::uint32_t position) const {
    if (position > 0) return {.policy = SchedPolicy::kNormal};
    return {.policy = SchedPolicy::kFifo, .rt_priority = 1};
  }
  static const StructDecl& Decl();
};

const StructDecl& PreemptStorm::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&PreemptStorm::cfs_workers>("cfs_workers", "How many spin under SCHED_OTHER.",
                                           Between(1, 1000, "workers")),
      Optional<&PreemptStorm::rt_burst_iters>("rt_burst_iters", "Spins of the first in a burst.",
                                              Between(1, 1e9, "spins")),
      Optional<&PreemptStorm::rt_sleep_us>("rt_sleep_us", "Its sleep between two bursts.",
                                           Between(1, 1e9, "us")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<PreemptStorm>(
      "PreemptStorm",
      "The first of a group spins in bursts under SCHED_FIFO 1 and sleeps in between, the others spin under "
      "SCHED_OTHER. Spins are work units; 1024 are an iteration of the others.",
      kFields);
  return kDecl;
}

void Run(const PreemptStorm& storm, WorkerContext& context) {
  const bool preempts = context.position() == 0;
  const std::uint64_t spins = preempts ? storm.rt_burst_iters : 1024;
  while (!context.ShouldStop()) {
    context.Spin(spins);
    context.EndIteration(spins);
    if (preempts) context.SleepFor(storm.rt_sleep_us * 1000);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_preempt_storm =
    DeclareWorkType<PreemptStorm, Run>({.group_doc = "cfs_workers + 1"});

}  // namespace ktstr
