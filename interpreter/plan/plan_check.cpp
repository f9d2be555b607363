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

void CheckSnapshots(const RunPlan& plan, Diagnostics& diagnostics) {
  const std::uint32_t periodic = plan.scenario.snapshots.periodic;
  if (periodic == 0) return;
  if (const auto fault = PeriodicFault(periodic, plan.holds))
    return diagnostics.Error("snapshots/periodic", "bad-periodic", *fault);
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
    Diagnostic fault{
        .code = "bad-monitor",
        .path = "monitor",
        .message = "the monitor samples by the host's time, which the virtual clock does not follow",
        .hint = "use `snapshots: {periodic: N}` there"};
    if (overrides.clock) fault.notes.push_back(FromCommandLine("--clock", "virtual", "clock:"));
    return diagnostics.Add(std::move(fault));
  }
}

void CheckDisk(const RunPlans& plans, const Overrides& overrides, Diagnostics& diagnostics) {
  for (const auto& plan : plans) {
    if (!plan->disk || plan->scenario.clock != Clock::kVirtual) continue;
    Diagnostic fault{
        .code = "bad-disk",
        .path = plan->disk->path,
        .message = "a disk answers at moments of the host's time, which the virtual clock does not follow",
        .hint = "use `clock: wall` for work that writes to a disk"};
    if (overrides.clock) fault.notes.push_back(FromCommandLine("--clock", "virtual", "clock:"));
    return diagnostics.Add(std::move(fault));
  }
}

void CheckTimeout(const RunPlan& plan, const Overrides& overrides, Diagnostics& diagnostics) {
  const Duration timeout = plan.scenario.timeout;
  if (plan.holds < timeout) return;
  Diagnostic fault{.code = "timeout-too-short",
                   .path = "timeout",
                   .message = "the holds alone take " + FormatDuration(plan.holds) + ", and the timeout is " +
                              FormatDuration(timeout),
                   .hint = overrides.timeout ? "raise --timeout" : "raise `timeout:`"};
  if (overrides.timeout)
    fault.notes.push_back(FromCommandLine("--timeout", FormatDuration(timeout), "timeout:"));
  diagnostics.Add(std::move(fault));
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
CheckNames NamesOf(const RunPlan& plan) {
  const Scenario& scenario = plan.scenario;
  CheckNames names;
  for (const PlannedPhase& phase : plan.phases) names.phases.push_back(phase.name);
  for (const PlannedRequest& planned : plan.requests)
    if (const auto* made = planned.As<CreateCgroup>()) names.cgroups.push_back(made->cgroup);
  const auto take = [](const std::vector<TagState>& tags, std::vector<std::string>& into) {
    for (const TagState& tag : tags) into.push_back(tag.name);
  };
  take(plan.snapshots, names.snapshots);
  take(plan.reads, names.reads);
  take(plan.watches, names.watches);
  take(plan.procs, names.procs);
  for (std::uint32_t i = 0; i < scenario.snapshots.periodic; ++i) names.snapshots.push_back(PeriodicTag(i));
  for (const auto& [name, payload] : scenario.payloads.items) {
    CheckNames::Payload known{name, KnownMetricNames(payload.output), {}};
    for (const auto& [metric, hint] : payload.metrics.items)
      if (!hint.unit.empty()) known.units.items.emplace_back(metric, hint.unit);
    names.payloads.push_back(std::move(known));
  }
  return names;
}

// ---- scenarios that were decoded in part

std::string Parent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

/// Whether `path` is `base` or something in it.
bool Within(std::string_view path, std::string_view base) {
  return path.starts_with(base) && (base.empty() || path.size() == base.size() || path[base.size()] == '/');
}

/// Without a topology nothing can be planned.
bool SizesMachine(const std::string& path) {
  return path.empty() || Within(path, "topology") || Within(path, "matrix");
}

/// Whether a fault at `path` may hide the making of a cgroup, a payload or a step: it is in the lists and
/// maps that make them, not in what they contain (a cpuset, a worker, a hold).
bool MakesNames(const std::string& path) {
  const std::vector<std::string> parts = SplitPath(path);
  const auto is = [&](std::size_t i, std::string_view text) { return i < parts.size() && parts[i] == text; };
  if (is(0, "payloads")) return parts.size() <= 2 || is(2, "output") || is(2, "metrics");
  if (!is(0, "steps") && !is(0, "backdrop")) return false;
  const std::size_t section = is(0, "steps") ? 2 : 1;  // where "cgroups" or "ops" stands
  if (parts.size() <= section) return true;
  if (is(section, "name") || is(section, "payloads")) return true;
  if (is(section, "cgroups")) return parts.size() <= section + 2 || is(section + 2, "name");
  if (!is(section, "ops")) return false;
  return !is(section + 3, "cpus") && !is(section + 3, "work") && !is(section + 3, "timeout");
}

bool IsOfNames(const Diagnostic& fault) {
  for (const std::string_view code :
       {"unknown-name", "duplicate-name", "ambiguous-name", "never-started", "already-consumed"})
    if (fault.code == code) return true;
  return false;
}

}  // namespace

void CheckPartlyDecoded(const Scenario& scenario, const Overrides& overrides, Diagnostics& decoding) {
  std::vector<std::string> broken;
  bool names_unsure = false;
  for (const Diagnostic& fault : decoding.items()) {
    if (fault.severity != Severity::kError) continue;
    // A fault of a key is one of the map that holds it.
    broken.push_back(fault.on_key ? Parent(fault.path) : fault.path);
    if (SizesMachine(broken.back())) return;
    names_unsure = names_unsure || MakesNames(broken.back());
  }
  Diagnostics checks;
  PlanRuns(scenario, overrides, checks);
  for (const Diagnostic& fault : checks.items()) {
    const bool known = std::any_of(broken.begin(), broken.end(), [&](const std::string& at) {
      return Within(fault.path, at) || Within(at, fault.path);
    });
    if (!known && !(names_unsure && IsOfNames(fault))) decoding.Add(fault);
  }
}

RunPlans PlanRuns(const Scenario& scenario, const Overrides& overrides, Diagnostics& diagnostics) {
  CheckStepNames(scenario, diagnostics);
  const std::vector<RunVariant> variants = Variants(scenario);
  RunPlans plans;
  for (const RunVariant& variant : variants)
    plans.push_back(std::make_shared<const RunPlan>(MakePlan(scenario, variant, diagnostics)));
  if (plans.empty()) {
    diagnostics.Error("matrix/exclude", "empty-matrix", "every combination of the matrix is excluded");
    return plans;
  }
  // Names, holds and checks are the same in all of them.
  const RunPlan& first = *plans.front();
  CheckSnapshots(first, diagnostics);
  CheckMonitor(plans, overrides, diagnostics);
  CheckDisk(plans, overrides, diagnostics);
  CheckTimeout(first, overrides, diagnostics);
  ResolveChecks(first.checks, NamesOf(first), diagnostics);
  return plans;
}

}  // namespace ktstr
