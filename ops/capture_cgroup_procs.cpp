// CaptureCgroupProcs: which processes are in a cgroup at this point.
#include <algorithm>
#include <charconv>

#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::string tag;
  std::string cgroup;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Makes(Required<&Args::tag>("tag", "What checks call the list by (`procs: <tag>`).", kTagName,
                                 Refers::kTag)),
      Required<&Args::cgroup>("cgroup", "Whose processes.", {}, Refers::kCgroup),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("CaptureCgroupProcs",
                          "Records the pids in a cgroup (its cgroup.procs; the threads of a process are "
                          "one). An empty cgroup gives an "
                          "empty list.",
                          kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  const bool named = context.MakeTag(Tags::kProcs, "tag", args.tag);
  if (context.UseCgroup("cgroup", args.cgroup) == nullptr || !named) return;
  context.EmitRead(std::string(kCgroupParent) + "/" + args.cgroup + "/cgroup.procs", args,
                   "CaptureCgroupProcs " + args.tag + " <- " + args.cgroup);
}

/// `content`: a pid in each line.
Result<> Receive(const Args& args, std::string_view content, HostContext& host) {
  std::vector<std::uint32_t> pids;
  while (!content.empty()) {
    const std::string_view line = content.substr(0, content.find('\n'));
    const auto [end, fault] = std::from_chars(line.data(), line.data() + line.size(), pids.emplace_back());
    if (fault != std::errc() || end != line.data() + line.size())
      return Error{ErrorKind::kGuest, "cgroup.procs has a line that is no pid"};
    content.remove_prefix(std::min(content.size(), line.size() + 1));
  }
  host.KeepCgroupProcs(args.tag, args.cgroup, std::move(pids));
  return {};
}

}  // namespace

extern constexpr OpDecl op_capture_cgroup_procs = DeclareReadingOp<Args, Plan, Receive>();

}  // namespace ktstr
