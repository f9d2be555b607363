// WriteKernelHot: changes the running kernel, without stopping it.
#include "ops/kernel_io.h"

namespace ktstr {
namespace {

struct Args : KernelWriteArgs {
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Args::writes>("writes", "In this order; the first that cannot be done ends the scenario.",
                              NonEmpty()),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("WriteKernelHot",
                          "Writes kernel memory while the guest runs. Aligned numbers of 4 or 8 bytes change "
                          "at once; it is the author's business that the kernel does not mind.",
                          kFields);
  return kDecl;
}

std::string Label(const Args& args) {
  std::string label = "WriteKernelHot";
  for (const KernelWriteSpec& write : args.writes) label += " " + ToText(write.target.Entry());
  return label;
}

void Plan(const Args& args, PlanContext& context) {
  if (CheckWrites(args, /*cold=*/false, context)) context.EmitHost(args, Label(args));
}

Result<> Run(const Args& args, HostContext& host) { return RunWrites(args, /*cold=*/false, host); }

}  // namespace

extern constexpr OpDecl op_write_kernel_hot = DeclareHostOp<Args, Plan, Run>();

}  // namespace ktstr
