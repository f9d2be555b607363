// CaptureSnapshot: what the whole kernel looks like at this point.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::string tag;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Makes(
          Required<&Args::tag>("tag", "What checks and `snapshot show` call it by.", kTagName, Refers::kTag)),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("CaptureSnapshot",
                          "Pauses the guest, and its clock, for some milliseconds and keeps what is in its "
                          "memory: CPU registers, run queues, tasks, BPF maps and programs, sched_ext.",
                          kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  if (context.in_loop())
    context.Diagnose("", "capture-in-loop",
                     "a snapshot cannot be taken in a repeated step: each would replace the last",
                     "use `snapshots: {periodic: N}` for a series");
  if (!context.MakeTag(Tags::kSnapshot, "tag", args.tag)) return;
  context.EmitHost(args, "CaptureSnapshot " + args.tag);
}

Result<> Run(const Args& args, HostContext& host) { return host.Capture(args.tag); }

}  // namespace

extern constexpr OpDecl op_capture_snapshot = DeclareHostOp<Args, Plan, Run>();

}  // namespace ktstr
