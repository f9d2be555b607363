// SpinWait: never gives up the CPU by itself.
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct SpinWait {
  static const StructDecl& Decl() {
    static constexpr StructDecl kDecl = DeclareStruct<SpinWait>(
        "SpinWait", "Spins without ever blocking; 1024 spins are one iteration and 1024 work units.", {});
    return kDecl;
  }
};

void Run(const SpinWait&, WorkerContext& context) {
  while (!context.ShouldStop()) {
    context.Spin(1024);
    context.EndIteration(1024);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_spin_wait = DeclareWorkType<SpinWait, Run>();

}  // namespace ktstr
