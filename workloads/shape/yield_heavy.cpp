// YieldHeavy: the scheduler's pick-next path as often as possible.
#include <sched.h>

#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct YieldHeavy {
  static const StructDecl& Decl() {
    static constexpr StructDecl kDecl = DeclareStruct<YieldHeavy>(
        "YieldHeavy", "Calls sched_yield in a loop; one call is one iteration and one work unit.", {});
    return kDecl;
  }
};

void Run(const YieldHeavy&, WorkerContext& context) {
  while (!context.ShouldStop()) {
    sched_yield();
    context.EndIteration(1);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_yield_heavy = DeclareWorkType<YieldHeavy, Run>();

}  // namespace ktstr
