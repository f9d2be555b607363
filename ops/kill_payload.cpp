// KillPayload: ends a payload and its process group by SIGKILL.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::string payload;
  std::optional<std::string> cgroup;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Ends(Required<&Args::payload>("payload", "A payload that was started.", {}, Refers::kPayload)),
      Optional<&Args::cgroup>(
          "cgroup", "Which one, when the payload runs in several cgroups; \"\" is the un-placed one.", {},
          Refers::kCgroup),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "KillPayload", "Kills a payload with its process group (SIGKILL), reaps it and judges its checks.",
      kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  PayloadState* payload = context.UsePayload("payload", args.payload, args.cgroup);
  if (payload == nullptr) return;
  context.state().Consume(*payload, context.Here());
  context.Emit(StopPayload{payload->handle}, "KillPayload " + args.payload);
}

}  // namespace

extern constexpr OpDecl op_kill_payload = DeclareOp<Args, Plan>();

}  // namespace ktstr
