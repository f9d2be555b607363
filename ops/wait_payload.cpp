// WaitPayload: blocks until a payload has ended.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::string payload;
  std::optional<std::string> cgroup;
  Duration timeout = Seconds(60);
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Ends(Required<&Args::payload>("payload", "A payload that was started.", {}, Refers::kPayload)),
      Optional<&Args::cgroup>(
          "cgroup", "Which one, when the payload runs in several cgroups; \"\" is the un-placed one.", {},
          Refers::kCgroup),
      Optional<&Args::timeout>("timeout", "Guest time after which the payload is killed and the step fails."),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "WaitPayload", "Waits until a payload started by RunPayload has ended, and judges its checks.",
      kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  PayloadState* payload = context.UsePayload("payload", args.payload, args.cgroup);
  if (payload == nullptr) return;
  context.state().Consume(*payload, context.Here());
  context.Emit(AwaitPayload{payload->handle, static_cast<std::uint64_t>(args.timeout.ns)},
               "WaitPayload " + args.payload, args.timeout);
}

}  // namespace

extern constexpr OpDecl op_wait_payload = [] {
  OpDecl decl = DeclareOp<Args, Plan>();
  decl.waits = true;
  return decl;
}();

}  // namespace ktstr
