// RunPayload: starts a declared payload in the background.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::string payload;
  std::vector<std::string> args;
  std::optional<std::string> cgroup;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Starts(Required<&Args::payload>("payload", "A name out of `payloads:`.", {}, Refers::kPayload)),
      Optional<&Args::args>("args", "Arguments after the payload's own."),
      Optional<&Args::cgroup>("cgroup", "Where it runs; absent: the runner's own cgroup.", {},
                              Refers::kCgroup),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("RunPayload",
                          "Starts a payload in the background, placed in the cgroup before exec. One that is "
                          "never waited for is killed at the end "
                          "of its step.",
                          kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  if (args.cgroup) context.UseCgroup("cgroup", *args.cgroup);
  context.StartPayload("payload", args.payload, args.args, args.cgroup.value_or(""));
}

}  // namespace

extern constexpr OpDecl op_run_payload = DeclareOp<Args, Plan>();

}  // namespace ktstr
