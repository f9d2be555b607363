// WaitGuestFile: the next Op comes when a file of the guest's kernel says so.
#include "ops/guest_file.h"
#include "vmm/host/line_pattern_fault.h"

namespace ktstr {
namespace {

struct Args {
  std::string path;
  std::optional<std::string> matches;
  std::string key;
  std::optional<std::int64_t> min;
  std::optional<std::int64_t> max;
  Duration timeout = Seconds(10);
  static const StructDecl& Decl();
};

void Rules(const void* object, RuleSink& sink) {
  const auto& args = *static_cast<const Args*>(object);
  if (!args.matches && !args.min && !args.max)
    sink.Diagnose("", "say what is waited for: matches, min or max");
  if (!args.key.empty() && !args.min && !args.max)
    sink.Diagnose("key", "a key needs a bound: what is the number behind it to be?");
  if (args.min && args.max && *args.min > *args.max)
    sink.Diagnose("max", "no number is at least min and at most max");
  if (!args.matches) return;
  std::string fault =
      args.matches->empty() ? "an empty pattern is in every line" : LinePatternFault(*args.matches);
  if (!fault.empty()) sink.Diagnose("matches", std::move(fault));
}

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Args::path>("path", "The file, as the guest sees it. It need not be there yet.", kGuestPath),
      Optional<&Args::matches>("matches", "An ECMA regular expression that one of its lines has."),
      Optional<&Args::key>(
          "key",
          "The bounds are of the number behind this word at the begin of a line, as in `nr_throttled 12`; "
          "without it of the file's first word."),
      Optional<&Args::min>("min", "The number is at least this."),
      Optional<&Args::max>("max", "The number is at most this."),
      Optional<&Args::timeout>("timeout", "Guest time after which the scenario fails."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<Args>("WaitGuestFile",
                                          "Waits until a file below /sys, /proc or /dev of the guest says "
                                          "what is asked for. It is looked at every "
                                          "5 ms of guest time.",
                                          kFields);
    decl.rules = &Rules;
    return decl;
  }();
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  if (!context.CheckGuestPath("path", args.path, false)) return;
  context.Emit(AwaitFile{args.path, args.matches.value_or(""), args.key, args.min, args.max,
                         static_cast<std::uint64_t>(args.timeout.ns)},
               "WaitGuestFile " + args.path, args.timeout);
}

}  // namespace

extern constexpr OpDecl op_wait_guest_file = [] {
  OpDecl decl = DeclareOp<Args, Plan>();
  decl.waits = true;
  return decl;
}();

}  // namespace ktstr
