// The part of PlanContext that makes the start of a payload concrete.
#include "ops/plan/plan_context.h"

namespace ktstr {

bool PlanContext::ResolvePids(std::string_view field, std::string& text) {
  for (std::size_t at = text.find(kPidPlaceBegin); at != std::string::npos;
       at = text.find(kPidPlaceBegin, at)) {
    at += kPidPlaceBegin.size();
    const std::size_t end = text.find('}', at);
    if (end == std::string::npos) return true;
    const std::string_view name = std::string_view(text).substr(at, end - at);
    const PayloadState* program = state_.attached ? &state_.payloads[*state_.attached] : nullptr;
    if (program == nullptr || program->name != name) program = UsePayload(field, name, std::nullopt);
    if (program == nullptr) return false;
    if (program->built_in) {
      Diagnose(field, "no-program",
               "scheduler '" + program->name + "' is built into the kernel: no process is its");
      return false;
    }
    text.replace(at, end - at, std::to_string(program->handle));
  }
  return true;
}

bool PlanContext::StartPayload(std::string_view field, const std::string& name,
                               const std::vector<std::string>& args, const std::string& cgroup,
                               std::optional<AwaitReadiness> ready) {
  const PayloadPlan* plan = FindPayload(field, name);
  if (plan == nullptr) return false;
  if (!CanStartIn(field, cgroup)) return false;
  for (const std::uint32_t handle : state_.running) {
    const PayloadState& live = state_.payloads[handle];
    if (live.name != name || live.cgroup != cgroup) continue;
    if (Doubts().MayEnd()) return false;
    Diagnose(field, "duplicate-name", "payload '" + name + "' already runs " + InCgroup(cgroup),
             "wait for it or kill it first (started in " + live.made.where + ")",
             {{live.made.path, "started here", {}}});
    return false;
  }
  ktstr::StartPayload request{.handle = static_cast<std::uint32_t>(state_.payloads.size()),
                              .name = name,
                              .cgroup = cgroup,
                              .argv = {plan->binary},
                              .env = plan->env,
                              .own_process_group = plan->own_process_group,
                              .whole_output = plan->reads_output,
                              .ready = std::move(ready),
                              .attach = {}};
  request.argv.insert(request.argv.end(), plan->args.begin(), plan->args.end());
  for (std::vector<std::string>* texts : {&request.argv, &request.env})
    for (std::string& text : *texts)
      if (!ResolvePids(field, text)) return false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    request.argv.push_back(args[i]);
    if (!ResolvePids("args/" + std::to_string(i), request.argv.back())) return false;
  }
  if (CgroupState* place = state_.LiveCgroup(cgroup)) CheckPids(field, *place, 1);
  const Duration budget =
      request.ready ? Nanoseconds(static_cast<std::int64_t>(request.ready->timeout_ns)) : Duration{};
  state_.running.push_back(request.handle);
  state_.payloads.push_back({request.handle, name, cgroup, slot_, state_.phase, Here(), std::nullopt});
  Emit(std::move(request), "RunPayload " + name + (cgroup.empty() ? "" : " in " + cgroup), budget);
  return true;
}

}  // namespace ktstr
