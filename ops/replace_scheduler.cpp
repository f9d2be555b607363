// ReplaceScheduler: DetachScheduler, then AttachScheduler.
#include "ops/scheduler_args.h"

namespace ktstr {
namespace {

struct Args : NamedSchedulerArgs {
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "ReplaceScheduler",
      "Detaches the attached scheduler, then attaches another one. Between the two the kernel schedules by "
      "EEVDF: it lets no second one in before the first is gone.",
      kNamedSchedulerFields<Args>);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  if (PayloadState* const old = context.UseScheduler()) context.DetachScheduler(*old);
  context.AttachScheduler("scheduler", args.scheduler);
}

}  // namespace

extern constexpr OpDecl op_replace_scheduler = DeclareOp<Args, Plan>();

}  // namespace ktstr
