// DetachScheduler: EEVDF schedules again.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "DetachScheduler",
      "Detaches the scheduler: the kernel disables it (sysrq-S, which needs no help of a program that its "
      "own "
      "scheduler may starve), its program is ended by SIGTERM, after 2s by SIGKILL. Done once the kernel's "
      "state is `disabled`; an error when it is not within 10s.",
      {});
  return kDecl;
}

void Plan(const Args&, PlanContext& context) {
  if (PayloadState* const scheduler = context.UseScheduler()) context.DetachScheduler(*scheduler);
}

}  // namespace

extern constexpr OpDecl op_detach_scheduler = DeclareOp<Args, Plan>();

}  // namespace ktstr
