// WatchSnapshot: who writes a variable of the kernel, and what.
#include "ops/host/kernel_spec.h"
#include "ops/op.h"

namespace ktstr {
namespace {

constexpr std::uint32_t kDefaultFires = 1000;

struct Args {
  KernelTargetSpec target;
  std::optional<std::string> tag;
  std::optional<std::uint32_t> bytes;
  std::optional<Comparison> when;
  std::uint32_t every = 1;
  std::optional<std::uint32_t> max;
  WatchCapture capture = WatchCapture::kValue;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      // Its symbol is the tag of a watch that has none of its own.
      Makes(Required<&Args::target>(
          "target", "What is watched for writes, from here to the end of the scenario.", {}, Refers::kTag)),
      Makes(Optional<&Args::tag>("tag",
                                 "What checks call it by (`watch: <tag>`); default: the symbol's name.",
                                 kTagName, Refers::kTag)),
      Optional<&Args::bytes>("bytes",
                             "1, 2, 4 or 8; default: those of the field; without one 8, or 4 where another "
                             "symbol follows or it is aligned to no more.",
                             Between(1, 8, "bytes")),
      Optional<&Args::when>("when", "Only writes whose new value fulfils this are fires."),
      Optional<&Args::every>("every", "Only every Nth fire is kept.", AtLeast(1)),
      Optional<&Args::max>("max",
                           "How many fires are kept; the watch ends with the last. Default: 1000. With "
                           "`capture: full` a number counts as that many of the 64 snapshots of a run; "
                           "without one the oldest snapshots give way.",
                           Between(1, 100'000)),
      Optional<&Args::capture>("capture", "What is kept of a fire."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("WatchSnapshot",
                          "Watches a place of the kernel's memory for writes. Each pauses the guest for a "
                          "fraction of a millisecond; a watch that would pause it for more than a fifth of "
                          "the time is suspended for a while, and its count is then a lower bound.",
                          kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  if (args.bytes && (*args.bytes & (*args.bytes - 1)) != 0)
    context.Diagnose("bytes", "bad-watch", "a watch covers 1, 2, 4 or 8 bytes");
  const std::string tag = args.tag.value_or(args.target.symbol.value_or(""));
  if (context.in_loop())
    context.Diagnose("", "watch-in-loop", "a watch lasts; it cannot be set again and again");
  if (args.target.symbol) context.NeedSymbol("target", *args.target.symbol);
  const bool fits =
      args.capture != WatchCapture::kFull || !args.max || context.CountSnapshots("max", *args.max);
  if (tag.empty()) {
    if (!context.Unread("tag") && !context.Unread("target"))
      context.Diagnose("", "bad-watch", "a watch without a symbol needs a tag");
    return;
  }
  if (!context.MakeTag(Tags::kWatch, args.tag ? "tag" : "target", tag) || !fits) return;
  context.EmitHost(args, "WatchSnapshot " + tag);
}

Result<> Run(const Args& args, HostContext& host) {
  WatchRequest request;
  request.tag = args.tag.value_or(args.target.symbol.value_or(""));
  request.place = args.target.Entry();
  request.bytes = args.bytes.value_or(0);
  request.when = args.when;
  request.every = args.every;
  request.max = args.max.value_or(kDefaultFires);
  request.capture = args.capture;
  return host.Watch(request);
}

}  // namespace

extern constexpr OpDecl op_watch_snapshot = DeclareHostOp<Args, Plan, Run>();

}  // namespace ktstr
