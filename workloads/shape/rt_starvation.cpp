// RtStarvation: real-time tasks that leave nothing to others.
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct RtStarvation {
  std::uint32_t rt_workers = 1;
  std::uint32_t cfs_workers = 1;
  std::uint32_t rt_priority = 50;
  std::uint64_t burst_iters = 1024;
  [[nodiscard]] std::uint32_t GroupSize() const { return rt_workers + cfs_workers; }
  [[nodiscard]] WorkerRole Role(std::uint32_t position) const {
    if (position >= rt_workers) return {.policy = SchedPolicy::kNormal};
    return {.policy = SchedPolicy::kFifo, .rt_priority = rt_priority};
  }
  static const StructDecl& Decl();
};

const StructDecl& RtStarvation::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&RtStarvation::rt_workers>("rt_workers", "How many spin under SCHED_FIFO.",
                                          Between(1, 1000, "workers")),
      Optional<&RtStarvation::cfs_workers>("cfs_workers", "How many do under SCHED_OTHER.",
                                           Between(1, 1000, "workers")),
      Optional<&RtStarvation::rt_priority>("rt_priority", "Of the former.", Between(1, 99)),
      Optional<&RtStarvation::burst_iters>("burst_iters", "Spins in an iteration; they are its work units.",
                                           Between(1, 1e9, "spins")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<RtStarvation>(
      "RtStarvation",
      "The first of a group spin under SCHED_FIFO, the others under SCHED_OTHER. Where they share CPUs "
      "(affinity), the default check no_stall judges how long the others had to wait.",
      kFields);
  return kDecl;
}

void Run(const RtStarvation& starvation, WorkerContext& context) {
  while (!context.ShouldStop()) {
    context.Spin(starvation.burst_iters);
    context.EndIteration(starvation.burst_iters);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_rt_starvation =
    DeclareWorkType<RtStarvation, Run>({.group_doc = "rt_workers + cfs_workers"});

}  // namespace ktstr
