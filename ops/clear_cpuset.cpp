// ClearCpuset: back to the parent's CPUs.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::string cgroup;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Args::cgroup>("cgroup", "The cgroup to change.", {}, Refers::kCgroup),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "ClearCpuset", "Lifts the cgroup's cpuset: it may use all its parent's CPUs again.", kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  if (CgroupState* cgroup = context.UseCgroup("cgroup", args.cgroup)) context.ClearCpuset(*cgroup);
}

}  // namespace

extern constexpr OpDecl op_clear_cpuset = DeclareOp<Args, Plan>();

}  // namespace ktstr
