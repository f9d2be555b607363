// ReadGuestFile: what a file of the guest's kernel holds at this point.
#include "ops/guest_file.h"

namespace ktstr {
namespace {

struct Args {
  std::string path;
  std::string tag;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Args::path>("path", "The file, as the guest sees it.", kGuestPath),
      Makes(Required<&Args::tag>("tag", "What checks call the content by (`file: <tag>`).", kTagName,
                                 Refers::kTag)),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("ReadGuestFile",
                          "Reads a file below /sys or /proc of the guest; the first 64 KiB of it are kept. "
                          "Read again under the same "
                          "tag, as in repeated Ops, it is a series for `over_time`.",
                          kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  const bool named = context.MakeTag(Tags::kFile, "tag", args.tag);
  if (context.CheckGuestPath("path", args.path, false) && named)
    context.EmitRead(args.path, args, "ReadGuestFile " + args.tag + " <- " + args.path);
}

Result<> Receive(const Args& args, std::string_view content, HostContext& host) {
  host.KeepGuestFile(args.tag, args.path, content);
  return {};
}

}  // namespace

extern constexpr OpDecl op_read_guest_file = DeclareReadingOp<Args, Plan, Receive>();

}  // namespace ktstr
