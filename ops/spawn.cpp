// Spawn: more workers, in a cgroup or beside the runner.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::optional<std::string> cgroup;
  WorkSpec work;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&Args::cgroup>("cgroup",
                              "Where the workers run; absent: the runner's own cgroup, outside every limit.",
                              {}, Refers::kCgroup),
      Required<&Args::work>("work", "What they do, and how many."),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "Spawn",
      "Starts a group of workers. Each is placed in the cgroup before its first instruction of work.",
      kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  CgroupState* const cgroup = args.cgroup ? context.UseCgroup("cgroup", *args.cgroup) : nullptr;
  context.StartWorkers("work", cgroup, args.work);
}

}  // namespace

extern constexpr OpDecl op_spawn = DeclareOp<Args, Plan>();

}  // namespace ktstr
