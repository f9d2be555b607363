// UnfreezeCgroup: lets a frozen cgroup's tasks run on.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::string cgroup;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Thaws(Required<&Args::cgroup>("cgroup", "The cgroup to thaw; FreezeCgroup has frozen it.", {},
                                    Refers::kCgroup)),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "UnfreezeCgroup", "Thaws the cgroup (cgroup.freeze) and waits until the kernel has done so.", kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  CgroupState* cgroup = context.UseCgroup("cgroup", args.cgroup);
  if (cgroup == nullptr) return;
  if (!cgroup->frozen) {
    if (context.Doubts().MayFreeze()) return;
    std::vector<Note> notes;
    if (cgroup->thawed) notes.push_back({cgroup->thawed->path, "thawed here", {}});
    return context.Diagnose(
        "cgroup", "not-frozen", "cgroup '" + args.cgroup + "' is not frozen at this point",
        cgroup->thawed ? "it was thawed in " + cgroup->thawed->where : "freeze it with FreezeCgroup first",
        std::move(notes));
  }
  if (!context.Thaw("cgroup", *cgroup)) return;
  context.Emit(SetFrozen{args.cgroup, false}, "UnfreezeCgroup " + args.cgroup);
}

}  // namespace

extern constexpr OpDecl op_unfreeze_cgroup = DeclareOp<Args, Plan>();

}  // namespace ktstr
