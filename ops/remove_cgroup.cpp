// RemoveCgroup: ends what runs in a cgroup, keeps its telemetry, and removes the directory.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::string cgroup;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Ends(Required<&Args::cgroup>("cgroup", "The cgroup to remove.", {}, Refers::kCgroup)),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("RemoveCgroup",
                          "Kills the cgroup's payloads, stops its workers and collects their reports, then "
                          "removes it. One that is "
                          "frozen is thawed for that.",
                          kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  CgroupState* cgroup = context.UseCgroup("cgroup", args.cgroup);
  if (cgroup == nullptr) return;
  for (const std::string& other : context.state().LiveCgroupNames()) {
    if (!other.starts_with(args.cgroup + "/")) continue;
    return context.Diagnose("cgroup", "cgroup-not-empty",
                            "cgroup '" + args.cgroup + "' still has the child '" + other + "'",
                            "remove the child first");
  }
  if (!context.Thaw("cgroup", *cgroup)) return;
  context.CollectCgroup(args.cgroup);
  context.state().Remove(*cgroup, context.Here());
  context.Emit(DestroyCgroup{args.cgroup}, "RemoveCgroup " + args.cgroup);
}

}  // namespace

extern constexpr OpDecl op_remove_cgroup = DeclareOp<Args, Plan>();

}  // namespace ktstr
