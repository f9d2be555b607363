// Mixed: some work, then a yield.
#include <sched.h>

#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct Mixed {
  static const StructDecl& Decl() {
    static constexpr StructDecl kDecl = DeclareStruct<Mixed>(
        "Mixed", "Spins 1024 times, then yields; that is one iteration and 1024 work units.", {});
    return kDecl;
  }
};

void Run(const Mixed&, WorkerContext& context) {
  while (!context.ShouldStop()) {
    context.Spin(1024);
    sched_yield();
    context.EndIteration(1024);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_mixed = DeclareWorkType<Mixed, Run>();

}  // namespace ktstr
