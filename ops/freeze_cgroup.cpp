// FreezeCgroup: takes a cgroup's tasks off their CPUs until UnfreezeCgroup.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::string cgroup;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Freezes(
          Required<&Args::cgroup>("cgroup", "The cgroup to freeze, with all below it.", {}, Refers::kCgroup)),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "FreezeCgroup",
      "Freezes the cgroup (cgroup.freeze) and waits until none of its tasks runs any more. The time is no "
      "stall of its workers. It stays frozen until UnfreezeCgroup, or until its tasks have to end.",
      kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  CgroupState* cgroup = context.UseCgroup("cgroup", args.cgroup);
  if (cgroup == nullptr) return;
  if (cgroup->frozen) {
    if (context.Doubts().MayThaw()) return;
    // The kernel would take it again and do nothing; whoever writes it means something else.
    return context.Diagnose("cgroup", "already-frozen", "cgroup '" + args.cgroup + "' is frozen already",
                            "it was frozen in " + cgroup->frozen->where,
                            {{cgroup->frozen->path, "frozen here", {}}});
  }
  cgroup->frozen = context.Here();
  context.Emit(SetFrozen{args.cgroup, true}, "FreezeCgroup " + args.cgroup);
}

}  // namespace

extern constexpr OpDecl op_freeze_cgroup = DeclareOp<Args, Plan>();

}  // namespace ktstr
