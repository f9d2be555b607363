// CaptureCgroupProcs: which processes are in a cgroup at this point.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::string tag;
  std::string cgroup;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Args::tag>("tag", "What it is called in the results.", kTagName, Refers::kTag),
      Required<&Args::cgroup>("cgroup", "Whose processes.", {}, Refers::kCgroup),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("CaptureCgroupProcs",
                          "Records the pids in a cgroup (its cgroup.procs; the threads of a process are "
                          "one). An empty cgroup gives an "
                          "empty list.",
                          kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  if (context.UseCgroup("cgroup", args.cgroup) == nullptr) return;
  context.Emit(ReadFile{std::string(kCgroupParent) + "/" + args.cgroup + "/cgroup.procs"},
               "CaptureCgroupProcs " + args.tag + " <- " + args.cgroup);
  context.requests().back().tag = args.tag;
}

}  // namespace

extern constexpr OpDecl op_capture_cgroup_procs = DeclareOp<Args, Plan>();

}  // namespace ktstr
