// SwapCpusets: two cgroups change places.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::string a;
  std::string b;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Args::a>("a", "One of them.", {}, Refers::kCgroup),
      Required<&Args::b>("b", "The other one.", {}, Refers::kCgroup),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("SwapCpusets",
                          "Exchanges the cpusets of two cgroups: each gets what the other was given last. "
                          "Both need one of their own.",
                          kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  CgroupState* const a = context.UseCgroup("a", args.a);
  CgroupState* const b = context.UseCgroup("b", args.b);
  if (a == nullptr || b == nullptr) return;
  if (a == b) return context.Diagnose("b", "same-cgroup", "a cgroup cannot exchange its cpuset with itself");
  context.SwapCpusets("a", *a, "b", *b);
}

}  // namespace

extern constexpr OpDecl op_swap_cpusets = DeclareOp<Args, Plan>();

}  // namespace ktstr
