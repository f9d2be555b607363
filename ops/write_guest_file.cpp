// WriteGuestFile: a file of the guest's kernel gets another content.
#include "ops/guest_file.h"

namespace ktstr {
namespace {

struct Args {
  std::string path;
  PlainText value;
  std::optional<ErrnoName> error;
  bool keep = false;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Args::path>("path", "The file, as the guest sees it; it must be there.", kGuestPath),
      Required<&Args::value>("value", "What is written, in one call."),
      Optional<&Args::error>("errno", "The write has to fail with this, or the scenario has failed."),
      Optional<&Args::keep>("keep", "Do not put back what the file held.", Limits{.on_off = true}),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("WriteGuestFile",
                          "Writes to a file below /sys, /proc or /dev of the guest: a sysctl, sysfs, "
                          "debugfs, a knob of a cgroup. At the "
                          "end of the step it holds again what it held before (of the backdrop: at the end "
                          "of the scenario), unless "
                          "`keep`. A file that cannot be read can only be written with `keep`. Files that "
                          "other Ops write, and those by "
                          "which the guest is run, are refused.",
                          kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  if (context.CheckGuestPath("path", args.path, true))
    context.WriteGuestFile(args.path, args.value.text, args.error ? args.error->number : 0, args.keep);
}

}  // namespace

extern constexpr OpDecl op_write_guest_file = DeclareOp<Args, Plan>();

}  // namespace ktstr
