// SendSignal: to a payload, or to workers.
#include <csignal>

#include "guest-init/base/signal_name.h"
#include "ops/guest_file.h"

namespace ktstr {
namespace {

struct Args {
  std::optional<std::string> payload;
  std::optional<std::string> cgroup;
  std::optional<std::string> group;
  SignalChoice signal;
  static const StructDecl& Decl();
};

void Rules(const void* object, RuleSink& sink) {
  const auto& args = *static_cast<const Args*>(object);
  if (args.payload && args.group) sink.Diagnose("group", "a payload is in no work group");
  const int signal = args.signal.number;
  if (!args.payload && signal != SIGSTOP && signal != SIGCONT && signal != SIGTERM && signal != SIGKILL)
    sink.Diagnose("signal", "workers can be sent STOP, CONT, TERM and KILL; " + SignalName(signal) +
                                " would end them like TERM");
}

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&Args::payload>("payload", "A payload that runs; absent: the workers are meant.", {},
                               Refers::kPayload),
      Optional<&Args::cgroup>("cgroup",
                              "Whose workers; absent: those in the runner's own cgroup. Of a payload: which "
                              "one, when it runs in several cgroups; \"\" is the un-placed one.",
                              {}, Refers::kCgroup),
      Optional<&Args::group>("group", "Only the work group of this name.", {}, Refers::kGroup),
      Required<&Args::signal>("signal", "The signal."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<Args>("SendSignal",
                                          "Sends a signal to a payload with its process group, or to workers "
                                          "with what they have forked. A payload "
                                          "that it ends was ended by the scenario; one that has ended before "
                                          "fails the scenario. Workers that are "
                                          "held by STOP are to blame for no stall, and run on with CONT or "
                                          "when they have to end; those that TERM "
                                          "or KILL ends leave no report of their own.",
                                          kFields);
    decl.rules = &Rules;
    return decl;
  }();
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  SignalTasks request;
  request.signal = args.signal.number;
  std::string whom;
  if (args.payload) {
    const PayloadState* const payload = context.UsePayload("payload", *args.payload, args.cgroup);
    if (payload == nullptr) return;
    request.payload = payload->handle;
    whom = "payload " + payload->name;
  } else {
    for (const GroupState* group : context.UseWorkers(args.cgroup, args.group))
      request.groups.push_back(group->id);
    if (request.groups.empty()) return;
    whom = args.cgroup ? "the workers of " + *args.cgroup : "the runner's workers";
  }
  context.Emit(std::move(request), "SendSignal " + SignalName(args.signal.number) + " to " + whom);
}

}  // namespace

extern constexpr OpDecl op_send_signal = DeclareOp<Args, Plan>();

}  // namespace ktstr
