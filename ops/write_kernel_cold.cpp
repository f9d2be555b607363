// WriteKernelCold: changes the kernel while it is paused.
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
      DeclareStruct<Args>("WriteKernelCold",
                          "Pauses the guest, writes kernel memory and lets it go on. Neighbouring "
                          "WriteKernelCold share one pause.",
                          kFields);
  return kDecl;
}

std::string Label(const Args& args) {
  std::string label = "WriteKernelCold";
  for (const KernelWriteSpec& write : args.writes) label += " " + ToText(write.target.Entry());
  return label;
}

/// Joins what comes right behind another one, so that no CPU runs in between.
void Plan(const Args& args, PlanContext& context) {
  if (!CheckWrites(args, /*cold=*/true, context)) return;
  std::vector<PlannedRequest>& planned = context.requests();
  if (!planned.empty() && planned.back().As<Args>() != nullptr) {
    auto& joined = std::get<HostAction>(planned.back().what).args.As<Args>();
    joined.writes.insert(joined.writes.end(), args.writes.begin(), args.writes.end());
    planned.back().label = Label(joined);
    return;
  }
  context.EmitHost(args, Label(args));
}

Result<> Run(const Args& args, HostContext& host) { return RunWrites(args, /*cold=*/true, host); }

}  // namespace

extern constexpr OpDecl op_write_kernel_cold = DeclareHostOp<Args, Plan, Run>();

}  // namespace ktstr
