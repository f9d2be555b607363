// PollPayload: looks whether a payload still runs.
#include "ops/op.h"

namespace ktstr {
namespace {

enum class PayloadStatus : std::uint8_t { kRunning, kEnded };
constexpr EnumValue kPayloadStatuses[] = {{"running", 0, "It has not ended."},
                                          {"ended", 1, "It has ended by itself; WaitPayload comes later."}};
constexpr EnumDecl DescribeEnum(PayloadStatus) {
  return {"PayloadStatus", kPayloadStatuses, nullptr, nullptr};
}

struct Args {
  std::string payload;
  PayloadStatus expect = PayloadStatus::kRunning;
  std::optional<std::string> cgroup;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Args::payload>("payload", "The payload's name.", {}, Refers::kPayload),
      Optional<&Args::expect>("expect", "What it must be found as."),
      Optional<&Args::cgroup>(
          "cgroup", "Which one, when the payload runs in several cgroups; \"\" is the un-placed one.", {},
          Refers::kCgroup),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "PollPayload",
      "Looks at a payload without waiting for it. When it is not as expected the scenario "
      "fails there, and says how it ended.",
      kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  const PayloadState* payload = context.UsePayload("payload", args.payload, args.cgroup);
  if (payload == nullptr) return;
  context.Emit(PollPayload{payload->handle, args.expect == PayloadStatus::kRunning},
               "PollPayload " + args.payload);
}

}  // namespace

extern constexpr OpDecl op_poll_payload = DeclareOp<Args, Plan>();

}  // namespace ktstr
