// AddCgroupDef: a whole cgroup definition in the middle of a step.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  CgroupDef def;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Args::def>("def", "The cgroup, as under `cgroups:` of a step."),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "AddCgroupDef", "Creates a cgroup with its limits, workers and payload, as a step's `cgroups:` does.",
      kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) { context.ApplyDef("def", args.def); }

}  // namespace

extern constexpr OpDecl op_add_cgroup_def = DeclareOp<Args, Plan>();

}  // namespace ktstr
