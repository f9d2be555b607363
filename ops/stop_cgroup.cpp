// StopCgroup: ends what runs in a cgroup and keeps the cgroup.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::string cgroup;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Empties(Required<&Args::cgroup>("cgroup", "The cgroup whose tasks end.", {}, Refers::kCgroup)),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "StopCgroup",
      "Kills the cgroup's payloads, stops its workers and collects their reports; the cgroup stays. One that "
      "is frozen is thawed for that.",
      kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  CgroupState* cgroup = context.UseCgroup("cgroup", args.cgroup);
  if (cgroup == nullptr || !context.Thaw("cgroup", *cgroup)) return;
  context.CollectCgroup(args.cgroup);
  context.Emit(StopCgroupTasks{args.cgroup}, "StopCgroup " + args.cgroup);
}

}  // namespace

extern constexpr OpDecl op_stop_cgroup = DeclareOp<Args, Plan>();

}  // namespace ktstr
