// WriteKernelHot: changes the running kernel, without stopping it.
#include "ops/kernel_io.h"

namespace ktstr {
namespace {

struct Args : KernelWriteArgs {
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("WriteKernelHot",
                          "Writes kernel memory while the guest runs. Aligned numbers of 4 or 8 bytes change "
                          "at once; it is the author's business that the kernel does not mind.",
                          kKernelWriteFields<Args>);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  if (CheckWrites(args, /*cold=*/false, context)) context.EmitHost(args, WritesLabel("WriteKernelHot", args));
}

Result<> Run(const Args& args, HostContext& host) { return RunWrites(args, /*cold=*/false, host); }

}  // namespace

extern constexpr OpDecl op_write_kernel_hot = DeclareHostOp<Args, Plan, Run>();

}  // namespace ktstr
