// SetPolicy: live workers are scheduled by another policy.
#include "ops/workers_fields.h"

namespace ktstr {
namespace {

struct Args {
  std::optional<std::string> cgroup;
  std::optional<std::string> group;
  SchedPolicy policy = SchedPolicy::kNormal;
  std::uint32_t rt_priority = 1;
  std::optional<DeadlineParams> deadline;
  static const StructDecl& Decl();
};

void Rules(const void* object, RuleSink& sink) {
  const auto& args = *static_cast<const Args*>(object);
  PolicyRules(args.policy, args.deadline, sink);
}

const StructDecl& Args::Decl() {
  static constexpr auto kFields = JoinFields(
      kWorkersFields<Args>,
      std::array{Required<&Args::policy>("policy", "The scheduling policy."),
                 Optional<&Args::rt_priority>("rt_priority", "Priority under fifo and rr.", Between(1, 99)),
                 Optional<&Args::deadline>("deadline", "The reservation under policy deadline.")});
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<Args>(
        "SetPolicy",
        "Gives live workers, all their threads, another scheduling policy (sched_setattr); nice values stay. "
        "It "
        "holds until the next one; workers that are started later have that of their `work:`.",
        kFields);
    decl.rules = &Rules;
    return decl;
  }();
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  AdjustWorkers change;
  change.policy = PolicyOf(args.policy, args.rt_priority, args.deadline);
  std::string to(kSchedPolicies[static_cast<std::size_t>(args.policy)].name);
  if (args.policy == SchedPolicy::kFifo || args.policy == SchedPolicy::kRr)
    to += " " + std::to_string(args.rt_priority);
  context.AdjustWorkers(context.UseWorkers(args.cgroup, args.group), std::move(change), "SetPolicy", to);
}

}  // namespace

extern constexpr OpDecl op_set_policy = DeclareOp<Args, Plan>();

}  // namespace ktstr
