// RestartScheduler: DetachScheduler, then AttachScheduler of the same one.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("RestartScheduler",
                          "Detaches the attached scheduler and attaches the same one anew, as when it is "
                          "updated. Between the two "
                          "the kernel schedules by EEVDF.",
                          {});
  return kDecl;
}

void Plan(const Args&, PlanContext& context) {
  PayloadState* const scheduler = context.UseScheduler();
  if (scheduler == nullptr) return;
  const std::string name = scheduler->name;
  context.DetachScheduler(*scheduler);
  context.AttachScheduler("", name);
}

}  // namespace

extern constexpr OpDecl op_restart_scheduler = DeclareOp<Args, Plan>();

}  // namespace ktstr
