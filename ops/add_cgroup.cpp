// AddCgroup: an empty managed cgroup.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::string name;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Makes(Required<&Args::name>("name", "The new cgroup's name; '/' nests.", kCgroupName, Refers::kCgroup)),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("AddCgroup", "Creates an empty cgroup: no cpuset, no limits, no workers.", kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) { context.MakeCgroup("name", args.name); }

}  // namespace

extern constexpr OpDecl op_add_cgroup = DeclareOp<Args, Plan>();

}  // namespace ktstr
