// What can be said against a scenario before it runs: its plans, its names, and what they need.
#include <algorithm>
#include <map>

#include "interpreter/plan/periodic.h"
#include "interpreter/plan/plan.h"
#include "ops/host/stored_snapshot.h"

namespace ktstr {
namespace {

/// Says that a value is not the file's.
Note FromCommandLine(std::string_view option, std::string_view value, std::string_view key) {
  return {.path = {},
          .message = std::string(option) + " " + std::string(value) +
                     " of the command line takes the place of `" + std::string(key) + "`",
          .at = Span{}};
}

void CheckSnapshots(const RunPlan& plan, bool holds_known, Diagnostics& diagnostics) {
  const std::uint32_t periodic = plan.scenario.snapshots.periodic;
  if (periodic == 0) return;
  if (const auto diagnostic = holds_known ? WhyNotPeriodic(periodic, plan.holds) : std::nullopt)
    return diagnostics.Error("snapshots/periodic", "bad-periodic", *diagnostic);
  const std::uint64_t all = periodic + plan.snapshot_count;
  // More than can be kept without the periodic ones has been said where they are asked for.
  if (all > kMaxSnapshots && plan.snapshot_count <= kMaxSnapshots)
    diagnostics.Error("snapshots/periodic", "too-many",
                      "with those of CaptureSnapshot and WatchSnapshot there would be " +
                          std::to_string(all) + " snapshots; at most " + std::to_string(kMaxSnapshots) +
                          " of a run are kept");
}

void CheckMonitor(const RunPlans& plans, const Overrides& overrides, Diagnostics& diagnostics) {
  for (const auto& plan : plans) {
    const Scenario& scenario = plan->scenario;
    if (!scenario.monitor || !scenario.monitor->on || scenario.clock != Clock::kVirtual) continue;
    Diagnostic diagnostic{
        .code = "bad-monitor",
        .path = "monitor",
        .message = "the monitor samples by the host's time, which the virtual clock does not follow",
        .hint = "use `snapshots: {periodic: N}` there"};
    if (overrides.clock) diagnostic.notes.push_back(FromCommandLine("--clock", "virtual", "clock:"));
    return diagnostics.Add(std::move(diagnostic));
  }
}

void CheckDisk(const RunPlans& plans, const Overrides& overrides, Diagnostics& diagnostics) {
  for (const auto& plan : plans) {
    if (!plan->disk || plan->scenario.clock != Clock::kVirtual) continue;
    Diagnostic diagnostic{
        .code = "bad-disk",
        .path = plan->disk->path,
        .message = "a disk answers at moments of the host's time, which the virtual clock does not follow",
        .hint = "use `clock: wall` for work that writes to a disk"};
    if (overrides.clock) diagnostic.notes.push_back(FromCommandLine("--clock", "virtual", "clock:"));
    return diagnostics.Add(std::move(diagnostic));
  }
}

void CheckTimeout(const RunPlan& plan, const Overrides& overrides, Diagnostics& diagnostics) {
  const Duration timeout = plan.scenario.timeout;
  if (timeout.ns <= 0) return diagnostics.Error("timeout", "rule", "the timeout must be more than 0s");
  if (plan.holds < timeout) return;
  Diagnostic diagnostic{.code = "timeout-too-short",
                        .path = "timeout",
                        .message = "the holds alone take " + FormatDuration(plan.holds) +
                                   ", and the timeout is " + FormatDuration(timeout),
                        .hint = overrides.timeout ? "raise --timeout" : "raise `timeout:`"};
  if (overrides.timeout)
    diagnostic.notes.push_back(FromCommandLine("--timeout", FormatDuration(timeout), "timeout:"));
  diagnostics.Add(std::move(diagnostic));
}

void CheckStepNames(const Scenario& scenario, Diagnostics& diagnostics) {
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
    const std::string name = StepName(scenario, i), path = "steps/" + std::to_string(i) + "/name";
    if (name == kBaselinePhase)
      diagnostics.Error(path, "duplicate-name", "BASELINE is the name of the time before the first step");
    const auto [at, fresh] = seen.emplace(name, i);
    if (fresh) continue;
    diagnostics.Add({.code = "duplicate-name",
                     .path = path,
                     .message = "two steps are named '" + name + "'",
                     .hint = "phases are addressed by step name",
                     .notes = {{"steps/" + std::to_string(at->second), "the first one", {}}}});
  }
}

/// Every name a check may use. Cgroups: all that the plan ever made.
CheckNames NamesOf(const RunPlan& plan, const BrokenPlaces* broken) {
  const Scenario& scenario = plan.scenario;
  CheckNames names;
  names.broken = broken;
  if (broken != nullptr) names.doubts = broken->DoubtsIn("");
  for (const PlannedPhase& phase : plan.phases) names.phases.push_back(phase.name);
  for (const PlannedRequest& planned : plan.requests)
    if (const auto* made = planned.As<CreateCgroup>()) names.cgroups.push_back(made->cgroup);
  const auto take = [](const std::vector<TagState>& tags, std::vector<std::string>& into) {
    for (const TagState& tag : tags) into.push_back(tag.name);
  };
  for (const GroupState& group : plan.groups)
    names.groups.push_back({group.cgroup, group.name, group.work_type, group.always_restricted});
  take(plan.snapshots, names.snapshots);
  take(plan.reads, names.reads);
  take(plan.watches, names.watches);
  take(plan.procs, names.procs);
  for (std::uint32_t i = 0; i < scenario.snapshots.periodic; ++i) names.snapshots.push_back(PeriodicTag(i));
  for (const auto& [name, payload] : scenario.payloads.items) {
    CheckNames::Payload known{name, KnownMetricNames(payload.output), {}};
    for (const auto& [metric, hint] : payload.metrics.items)
      if (!hint.unit.empty()) known.units.items.emplace_back(metric, hint.unit);
    const std::string path = JoinPath("payloads", name);
    if (broken != nullptr && (broken->Touches(path + "/output") || broken->Touches(path + "/metrics")))
      known.metrics.reset();
    names.payloads.push_back(std::move(known));
  }
  return names;
}

/// The second half of PlanRuns. `broken` is null when everything could be read.
RunPlans PlanAndCheck(const Scenario& scenario, const BrokenPlaces* broken, const Overrides& overrides,
                      Diagnostics& diagnostics) {
  const auto unread = [&](std::string_view path) { return broken != nullptr && broken->Touches(path); };
  CheckStepNames(scenario, diagnostics);
  RunPlans plans;
  for (const RunVariant& variant : Variants(scenario))
    plans.push_back(std::make_shared<const RunPlan>(MakePlan(scenario, variant, diagnostics, broken)));
  if (plans.empty()) {
    diagnostics.Error("matrix/exclude", "empty-matrix", "every combination of the matrix is excluded");
    return plans;
  }
  // Names, holds and checks are the same in all of them.
  const RunPlan& first = *plans.front();
  const bool holds_known = !unread("steps") && !unread("duration");
  CheckSnapshots(first, holds_known, diagnostics);
  CheckMonitor(plans, overrides, diagnostics);
  CheckDisk(plans, overrides, diagnostics);
  if (!unread("duration")) CheckTimeout(first, overrides, diagnostics);
  ResolveChecks(first.checks, NamesOf(first, broken), diagnostics);
  return plans;
}

/// Whether the diagnostic says something of CPUs, nodes or caches.
bool IsOfTopology(const Diagnostic& diagnostic) {
  return diagnostic.code == "bad-cpuset" || diagnostic.code == "bad-affinity";
}

}  // namespace

void CheckPartlyDecoded(Scenario scenario, const BrokenPlaces& broken, const Overrides& overrides,
                        Diagnostics& diagnostics) {
  const bool topology_known = !broken.Touches("topology") && !broken.Touches("matrix");
  if (!topology_known) {
    scenario.topology = {};
    scenario.matrix.reset();
  }
  Diagnostics found;
  PlanAndCheck(scenario, &broken, overrides, found);
  for (const Diagnostic& diagnostic : found.items())
    if (!broken.Covers(diagnostic.path) && (topology_known || !IsOfTopology(diagnostic)))
      diagnostics.Add(diagnostic);
}

RunPlans PlanRuns(const Scenario& scenario, const Overrides& overrides, Diagnostics& diagnostics) {
  return PlanAndCheck(scenario, nullptr, overrides, diagnostics);
}

}  // namespace ktstr
