// PolicyChurn: a task that changes its scheduling policy all the time.
#include <sched.h>

#include <cerrno>
#include <vector>

#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/timed_yield.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct PolicyChurn {
  std::uint64_t spin_iters = 1024;
  static const StructDecl& Decl();
};

const StructDecl& PolicyChurn::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&PolicyChurn::spin_iters>("spin_iters", "Spins between two changes; they are its work units.",
                                         Between(1, 1e9, "spins")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<PolicyChurn>(
      "PolicyChurn",
      "Spins, takes the next policy (SCHED_OTHER, BATCH, IDLE, and FIFO 1 and RR 1 where it may), yields.",
      kFields);
  return kDecl;
}

struct PolicyStep {
  int policy;
  int priority;
  const char* name;
};

bool TakePolicy(const PolicyStep& step) {
  sched_param param{};
  param.sched_priority = step.priority;
  return sched_setscheduler(0, step.policy, &param) == 0;
}

void Run(const PolicyChurn& churn, WorkerContext& context) {
  constexpr PolicyStep kOther{SCHED_OTHER, 0, "SCHED_OTHER"};
  std::vector<PolicyStep> steps = {kOther, {SCHED_BATCH, 0, "SCHED_BATCH"}, {SCHED_IDLE, 0, "SCHED_IDLE"}};
  sched_param priority_before{};
  const int before = sched_getscheduler(0);
  if (before < 0 || sched_getparam(0, &priority_before) != 0) context.FailCall("sched_getscheduler");
  const PolicyStep fifo{SCHED_FIFO, 1, "SCHED_FIFO"};
  if (TakePolicy(fifo)) {
    steps.push_back(fifo);
    steps.push_back({SCHED_RR, 1, "SCHED_RR"});
  } else if (errno != EPERM) {
    context.FailCall("sched_setscheduler to SCHED_FIFO");
  }
  for (std::size_t at = 0; !context.ShouldStop(); at = (at + 1) % steps.size()) {
    context.Spin(churn.spin_iters);
    if (!TakePolicy(steps[at])) context.FailCall(std::string("sched_setscheduler to ") + steps[at].name);
    TimedYield(context);
    context.EndIteration(churn.spin_iters);
  }
  sched_setscheduler(0, before, &priority_before);
}

}  // namespace

extern constexpr WorkTypeDecl work_type_policy_churn =
    DeclareWorkType<PolicyChurn, Run>({.wake_sample = kYieldSample});

}  // namespace ktstr
