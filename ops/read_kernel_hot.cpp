// ReadKernelHot: a number of the running kernel, without stopping it.
#include "ops/kernel_io.h"

namespace ktstr {
namespace {

struct Args : KernelReadArgs {
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("ReadKernelHot",
                          "Reads kernel memory while the guest runs, within microseconds. A number of 4 or 8 "
                          "aligned bytes is read whole.",
                          kKernelReadFields<Args>);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  if (CheckRead(args, context)) context.EmitHost(args, ReadLabel("ReadKernelHot", args));
}

Result<> Run(const Args& args, HostContext& host) { return RunRead(args, /*cold=*/false, host); }

}  // namespace

extern constexpr OpDecl op_read_kernel_hot = DeclareHostOp<Args, Plan, Run>();

}  // namespace ktstr
