// SetCpuset: changes cpuset.cpus of a live cgroup.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::string cgroup;
  CpusetSpec cpus;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Args::cgroup>("cgroup", "The cgroup to change.", {}, Refers::kCgroup),
      Required<&Args::cpus>("cpus", "The CPUs it may run on."),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "SetCpuset",
      "Writes cpuset.cpus. Running tasks move at once; later shares of CPUs count against the new set.",
      kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  CgroupState* const cgroup = context.UseCgroup("cgroup", args.cgroup);
  context.SetCpuset("cpus", cgroup, args.cpus);
}

}  // namespace

extern constexpr OpDecl op_set_cpuset = DeclareOp<Args, Plan>();

}  // namespace ktstr
