// RunPayload: starts a declared payload in the background.
#include "ops/op.h"
#include "vmm/host/line_pattern_fault.h"

namespace ktstr {
namespace {

/// Exactly one of file and output.
struct Readiness {
  std::optional<std::string> file;
  std::optional<std::string> output;
  Duration timeout = Seconds(5);
  static const StructDecl& Decl();
};

void ReadinessRules(const void* object, RuleSink& sink) {
  const auto& ready = *static_cast<const Readiness*>(object);
  if (ready.file.has_value() == ready.output.has_value())
    return sink.Diagnose("", "give either `file` or `output`: what shows that it is ready");
  if (ready.file && (!ready.file->starts_with('/') || ready.file->ends_with('/')))
    sink.Diagnose("file", "it must be the absolute path of a file in the guest");
  if (!ready.output) return;
  if (ready.output->empty()) return sink.Diagnose("output", "it is empty: any output would do");
  if (std::string fault = LinePatternFault(*ready.output); !fault.empty())
    sink.Diagnose("output", std::move(fault));
}

const StructDecl& Readiness::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&Readiness::file>(
          "file",
          "A file of the guest, by its absolute path: ready once it exists. One that is "
          "there before counts too."),
      Optional<&Readiness::output>(
          "output", "An ECMA regular expression: ready once it is found in a line of stdout or stderr."),
      Optional<&Readiness::timeout>("timeout", "Guest time after which the scenario fails."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<Readiness>("Readiness", "What shows that a payload is ready.", kFields);
    decl.rules = &ReadinessRules;
    return decl;
  }();
  return kDecl;
}

struct Args {
  std::string payload;
  std::vector<std::string> args;
  std::optional<std::string> cgroup;
  std::optional<Readiness> ready;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Starts(Required<&Args::payload>("payload", "A name out of `payloads:`.", {}, Refers::kPayload)),
      Optional<&Args::args>(
          "args",
          "Arguments after the payload's own. In them, in those and in its `env`, "
          "${pid:NAME} is the process id of payload NAME, which must have been started, or of "
          "the program of scheduler NAME, which must be attached."),
      Optional<&Args::cgroup>("cgroup", "Where it runs; absent: the runner's own cgroup.", {},
                              Refers::kCgroup),
      Optional<&Args::ready>("ready",
                             "What the next op waits for; absent: that the program runs. A payload that ends "
                             "before fails the scenario, with how it ended."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("RunPayload",
                          "Starts a payload in the background, placed in the cgroup before exec. One that is "
                          "never waited for is killed at the end "
                          "of its step.",
                          kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  if (args.cgroup) context.UseCgroup("cgroup", *args.cgroup);
  std::optional<AwaitReadiness> ready;
  if (args.ready)
    ready = {args.ready->file.value_or(""), args.ready->output.value_or(""),
             static_cast<std::uint64_t>(args.ready->timeout.ns)};
  context.StartPayload("payload", args.payload, args.args, args.cgroup.value_or(""), std::move(ready));
}

}  // namespace

extern constexpr OpDecl op_run_payload = DeclareOp<Args, Plan>();

}  // namespace ktstr
