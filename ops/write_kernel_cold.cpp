// WriteKernelCold: changes the kernel while it is paused.
#include "ops/kernel_io.h"

namespace ktstr {
namespace {

struct Args : KernelWriteArgs {
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("WriteKernelCold",
                          "Pauses the guest, writes kernel memory and lets it go on. Neighbouring "
                          "WriteKernelCold share one pause.",
                          kKernelWriteFields<Args>);
  return kDecl;
}

/// Joins what comes right behind another one, so that no CPU runs in between.
void Plan(const Args& args, PlanContext& context) {
  if (!CheckWrites(args, /*cold=*/true, context)) return;
  std::vector<PlannedRequest>& planned = context.requests();
  if (!planned.empty() && planned.back().As<Args>() != nullptr) {
    auto& joined = std::get<HostAction>(planned.back().what).args.As<Args>();
    joined.writes.insert(joined.writes.end(), args.writes.begin(), args.writes.end());
    planned.back().label = WritesLabel("WriteKernelCold", joined);
    return;
  }
  context.EmitHost(args, WritesLabel("WriteKernelCold", args));
}

Result<> Run(const Args& args, HostContext& host) { return RunWrites(args, /*cold=*/true, host); }

}  // namespace

extern constexpr OpDecl op_write_kernel_cold = DeclareHostOp<Args, Plan, Run>();

}  // namespace ktstr
