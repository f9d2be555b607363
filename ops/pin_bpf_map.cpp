// PinBpfMap: keeps a BPF map alive to the end of the run.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::string name;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Args::name>("name", "The map's name; the kernel knows its first 15 characters.",
                            {.pattern = "^[A-Za-z0-9_.]+$", .pattern_doc = "letters, digits, '_' and '.'"}),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("PinBpfMap",
                          "Holds a BPF map, so that it outlives the scheduler or payload that made it and "
                          "later snapshots still show it. "
                          "Of several with that name the oldest; one that is held is held already.",
                          kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  context.Emit(PinMap{args.name}, "PinBpfMap " + args.name);
}

}  // namespace

extern constexpr OpDecl op_pin_bpf_map = DeclareOp<Args, Plan>();

}  // namespace ktstr
