// Sleep: time passes between two Ops.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  Duration time;
  static const StructDecl& Decl();
};

void Rules(const void* object, RuleSink& sink) {
  if (static_cast<const Args*>(object)->time.ns <= 0) sink.Diagnose("for", "the time must be more than 0s");
}

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Args::time>("for", "How long, in the guest's time."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl =
        DeclareStruct<Args>("Sleep",
                            "Waits before the next Op. The time is measured as a part of the step's phase, "
                            "which begins with the first "
                            "Op that waits; in repeated Ops it is a part of `every`, not added to it.",
                            kFields);
    decl.rules = &Rules;
    return decl;
  }();
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  if (!context.Unread("for")) context.Sleep(args.time);
}

}  // namespace

extern constexpr OpDecl op_sleep = [] {
  OpDecl decl = DeclareOp<Args, Plan>();
  decl.waits = true;
  return decl;
}();

}  // namespace ktstr
