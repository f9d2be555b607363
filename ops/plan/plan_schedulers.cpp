// The part of PlanContext that attaches schedulers and detaches them.
#include <algorithm>

#include "ops/plan/plan_context.h"

namespace ktstr {
namespace {

/// A scheduler that is sound is disabled within milliseconds; one that hangs is the kernel's affair by then.
constexpr Duration kDetachTimeout = Seconds(10);
/// How long the program may take to end when its scheduler is disabled.
constexpr Duration kProgramEnd = Seconds(10);

}  // namespace

const PayloadPlan* PlanContext::FindScheduler(std::string_view field, std::string_view name) {
  return FindProgram(field, name, true);
}

void PlanContext::AttachScheduler(std::string_view field, std::string_view name) {
  const PayloadPlan* const plan = FindScheduler(field, name);
  state_.attached_unknown = plan == nullptr;
  if (plan == nullptr) return;
  if (state_.attached && !Doubts().MayEnd()) {
    const PayloadState& other = state_.payloads[*state_.attached];
    return Diagnose(field, "scheduler-attached", "scheduler '" + other.name + "' is attached at this point",
                    "use ReplaceScheduler, or DetachScheduler first (attached in " + other.made.where + ")",
                    {{other.made.path, "attached here", {}}});
  }
  const auto handle = static_cast<std::uint32_t>(state_.payloads.size());
  state_.attached = handle;
  state_.payloads.push_back(
      {handle, plan->name, "", slot_, state_.phase, Here(), std::nullopt, true, plan->IsBuiltIn()});
  if (plan->IsBuiltIn())
    return Emit(SwitchBuiltIn{plan->name, true, plan->enable}, "AttachScheduler " + plan->name);
  ktstr::StartPayload request{.handle = handle,
                              .name = plan->name,
                              .cgroup = {},
                              .argv = {plan->binary},
                              .env = plan->env,
                              .own_process_group = plan->own_process_group,
                              .whole_output = true,  // the verifier's log may be long
                              .ready = {},
                              .attach = plan->attach};
  request.argv.insert(request.argv.end(), plan->args.begin(), plan->args.end());
  Emit(std::move(request), "AttachScheduler " + plan->name,
       Nanoseconds(static_cast<std::int64_t>(plan->attach->wall_ns)));
}

PayloadState* PlanContext::UseScheduler() {
  if (state_.attached) return &state_.payloads[*state_.attached];
  if (state_.attached_unknown || Doubts().MayStart()) return nullptr;
  const auto last = std::find_if(state_.payloads.rbegin(), state_.payloads.rend(),
                                 [](const PayloadState& payload) { return payload.scheduler; });
  if (last == state_.payloads.rend()) {
    Diagnose("", "no-scheduler", "no scheduler is attached at this point",
             "name one with `scheduler:`, or attach it with AttachScheduler first");
  } else {
    Diagnose("", "no-scheduler", "no scheduler is attached at this point",
             "'" + last->name + "' was detached in " + last->consumed->where,
             {{last->consumed->path, "detached here", {}}});
  }
  return nullptr;
}

void PlanContext::DetachScheduler(PayloadState& scheduler) {
  scheduler.consumed = Here();
  state_.attached.reset();
  if (scheduler.built_in) {
    const auto plan = std::find_if(payloads_.begin(), payloads_.end(), [&](const PayloadPlan& known) {
      return known.attach && known.name == scheduler.name;
    });
    return Emit(SwitchBuiltIn{scheduler.name, false, plan->disable}, "DetachScheduler " + scheduler.name);
  }
  Emit(StopScheduler{scheduler.handle, static_cast<std::uint64_t>(kDetachTimeout.ns)},
       "DetachScheduler " + scheduler.name, Nanoseconds(kDetachTimeout.ns + kProgramEnd.ns));
}

void PlanContext::EndScheduler() {
  if (!state_.attached) return;
  cleanup_ = true;
  DetachScheduler(state_.payloads[*state_.attached]);
  cleanup_ = false;
}

}  // namespace ktstr
