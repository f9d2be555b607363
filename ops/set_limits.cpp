// SetLimits: other limits for a live cgroup.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args : CgroupLimits {
  std::string cgroup;
  static const StructDecl& Decl();
};

void Rules(const void* object, RuleSink& sink) {
  const auto& args = *static_cast<const Args*>(object);
  if (!args.mems && !args.cpu && !args.memory && !args.io && !args.pids)
    sink.Diagnose("", "give at least one of mems, cpu, memory, io and pids");
}

const StructDecl& Args::Decl() {
  static constexpr auto kFields =
      JoinFields(std::array{Required<&Args::cgroup>("cgroup", "The cgroup to change.", {}, Refers::kCgroup)},
                 kLimitFields<Args>);
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<Args>(
        "SetLimits",
        "Writes limits of a live cgroup, as `cgroups:` does at its creation: those that are given, no "
        "others. They "
        "hold until they are set anew. The kernel acts at once: a `memory: {max: ...}` below what is in use "
        "reclaims, then kills; a `pids: {max: N}` below what runs only refuses forks.",
        kFields);
    decl.rules = &Rules;
    return decl;
  }();
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  context.SetLimits(context.UseCgroup("cgroup", args.cgroup), args);
}

}  // namespace

extern constexpr OpDecl op_set_limits = DeclareOp<Args, Plan>();

}  // namespace ktstr
