// ReadKernelCold: a number of the kernel while it is paused.
#include "ops/kernel_io.h"

namespace ktstr {
namespace {

struct Args : KernelReadArgs {
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "ReadKernelCold", "Pauses the guest, reads kernel memory and lets it go on.", kKernelReadFields<Args>);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  if (CheckRead(args, context)) context.EmitHost(args, ReadLabel("ReadKernelCold", args));
}

Result<> Run(const Args& args, HostContext& host) { return RunRead(args, /*cold=*/true, host); }

}  // namespace

extern constexpr OpDecl op_read_kernel_cold = DeclareHostOp<Args, Plan, Run>();

}  // namespace ktstr
