// AttachScheduler: has the kernel schedule by a declared scheduler.
#include "ops/scheduler_args.h"

namespace ktstr {
namespace {

struct Args : NamedSchedulerArgs {
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "AttachScheduler",
      "Starts a sched_ext scheduler's program and waits until the kernel schedules by it. No other one may "
      "be "
      "attached. It stays attached, across steps, until DetachScheduler or the end of the run. One that is "
      "rejected by the kernel, ends, or exceeds its budget fails the scenario, with what it said.",
      kNamedSchedulerFields<Args>);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) { context.AttachScheduler("scheduler", args.scheduler); }

}  // namespace

extern constexpr OpDecl op_attach_scheduler = DeclareOp<Args, Plan>();

}  // namespace ktstr
