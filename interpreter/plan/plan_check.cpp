// What can be said against a scenario before it runs: its plans, its names, and what they need.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "interpreter/plan/compared_variants.h"
#include "interpreter/plan/payload_texts.h"
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

/// A device of the machine that QEMU serves by the host's time.
struct Device {
  std::optional<Place> RunPlan::*needed;
  const char* code;
  const char* message;
  const char* hint;
};

constexpr Device kDisk = {
    &RunPlan::disk, "bad-disk",
    "a disk answers at moments of the host's time, which the virtual clock does not follow",
    "use `clock: wall` for work that writes to a disk"};
constexpr Device kNics = {
    &RunPlan::nics, "bad-nics",
    "frames arrive at moments of the host's time, which the virtual clock does not follow",
    "use `clock: wall` for work that sends frames"};

void CheckDevice(const Device& device, const RunPlans& plans, const Overrides& overrides,
                 Diagnostics& diagnostics) {
  for (const auto& plan : plans) {
    const std::optional<Place>& needed = (*plan).*device.needed;
    if (!needed || plan->scenario.clock != Clock::kVirtual) continue;
    Diagnostic diagnostic{
        .code = device.code, .path = needed->path, .message = device.message, .hint = device.hint};
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

void CheckSchedulerNames(const Scenario& scenario, Diagnostics& diagnostics) {
  if (scenario.schedulers.Find(kEevdf) != nullptr)
    diagnostics.Error(JoinPath("schedulers", kEevdf), "duplicate-name",
                      "eevdf is the name of the kernel's own scheduler");
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
  for (const GroupState& group : plan.groups) {
    names.groups.push_back({group.cgroup, group.name, group.work_type, group.always_restricted});
    for (const std::string& earlier : group.earlier_cgroups)
      names.groups.push_back({earlier, group.name, group.work_type, group.always_restricted});
  }
  take(plan.snapshots, names.snapshots);
  take(plan.reads, names.reads);
  take(plan.watches, names.watches);
  take(plan.procs, names.procs);
  take(plan.files, names.files);
  for (std::uint32_t i = 0; i < scenario.snapshots.periodic; ++i) names.snapshots.push_back(PeriodicTag(i));
  for (const auto& [name, scheduler] : scenario.schedulers.items) names.schedulers.push_back(name);
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

/// Each variant has a scenario and a plan of its own, which take memory, also in lint. So a matrix may not
/// make much of a little text.
constexpr std::uint64_t kMaxCombinations = 1000;
constexpr std::uint64_t kMaxRepeatedValues = 1'000'000;
constexpr std::size_t kValueBytes = 64;  // of a longer text each so many bytes count as a value

std::uint64_t Combinations(const Matrix& matrix) {
  std::uint64_t product = 1;
  for (const std::size_t axis :
       {matrix.topology.size(), matrix.memory.size(), matrix.clock.size(), matrix.scheduler.size()})
    product *= std::max<std::size_t>(axis, 1);  // few axes of one file: no overflow
  return product;
}

std::uint64_t ValuesOf(const StructDecl& decl, const void* object);

std::uint64_t ValuesOf(const TypeDecl& type, const void* value) {
  switch (type.kind) {
    case Kind::kString:
      return 1 + static_cast<const std::string*>(value)->size() / kValueBytes;
    case Kind::kOptional:
    case Kind::kList:
    case Kind::kMap: {
      std::uint64_t sum = 1;
      for (std::size_t i = 0; i < type.container->size(value); ++i)
        sum += ValuesOf(type.container->element(), type.container->at(value, i));
      return sum;
    }
    case Kind::kStruct:
      return ValuesOf(type.structure(), value);
    case Kind::kOneKey:
    case Kind::kVariant: {
      const auto& any = *static_cast<const AnyStruct*>(value);
      return any.decl() == nullptr ? 1 : ValuesOf(*any.decl(), any.data());
    }
    default:
      return 1;
  }
}

std::uint64_t ValuesOf(const StructDecl& decl, const void* object) {
  std::uint64_t sum = 1;
  for (const FieldDecl& field : decl.fields) sum += ValuesOf(field.type(), field.Member(object));
  return sum;
}

/// False when the matrix would make too much of the scenario; said before anything is made.
bool MatrixFits(const Scenario& scenario, Diagnostics& diagnostics) {
  const std::uint64_t count = scenario.matrix ? Combinations(*scenario.matrix) : 1;
  if (count > kMaxCombinations) {
    diagnostics.Error("matrix", "out-of-range",
                      fmt::format("the matrix has {} combinations, more than {}", count, kMaxCombinations));
    return false;
  }
  const std::uint64_t values = ValuesOf(Scenario::Decl(), &scenario);
  if (count > 1 && count * values > kMaxRepeatedValues) {
    diagnostics.Error("matrix", "out-of-range",
                      fmt::format("the matrix repeats the scenario's {} values {} times: more than {} in all",
                                  values, count, kMaxRepeatedValues));
    return false;
  }
  return true;
}

/// The plans of all variants, up to the one with which they ask for too much.
RunPlans MakePlans(const Scenario& scenario, const BrokenPlaces* broken, Diagnostics& diagnostics) {
  RunPlans plans;
  std::size_t requests = 0;
  std::uint64_t texts = 0;
  for (const RunVariant& variant : Variants(scenario)) {
    plans.push_back(std::make_shared<const RunPlan>(MakePlan(scenario, variant, diagnostics, broken)));
    requests += plans.back()->requests.size();
    texts += PayloadTexts(plans.back()->requests);
    if (plans.size() == 1) continue;  // what one may have was seen to while it was planned
    std::string too_much;
    if (requests > kMaxRequests)
      too_much = fmt::format("make more than {} requests", kMaxRequests);
    else if (texts > kMaxPayloadTexts)
      too_much = fmt::format("give payloads more than {} arguments and variables", kMaxPayloadTexts);
    if (too_much.empty()) continue;
    diagnostics.Error("matrix", "out-of-range",
                      fmt::format("the variants up to '{}' together {}", variant.name, too_much),
                      "take values out of the matrix, or repeat Ops less often");
    break;
  }
  return plans;
}

/// The second half of PlanRuns. `broken` is null when everything could be read.
RunPlans PlanAndCheck(const Scenario& scenario, const BrokenPlaces* broken, const Overrides& overrides,
                      Diagnostics& diagnostics) {
  const auto unread = [&](std::string_view path) { return broken != nullptr && broken->Touches(path); };
  CheckStepNames(scenario, diagnostics);
  CheckSchedulerNames(scenario, diagnostics);
  if (!MatrixFits(scenario, diagnostics)) return {};
  RunPlans plans = MakePlans(scenario, broken, diagnostics);
  if (plans.empty()) {
    diagnostics.Error("matrix/exclude", "empty-matrix", "every combination of the matrix is excluded");
    return plans;
  }
  // Names, holds and checks are the same in all of them.
  const RunPlan& first = *plans.front();
  const bool holds_known = !unread("steps") && !unread("duration");
  CheckSnapshots(first, holds_known, diagnostics);
  CheckMonitor(plans, overrides, diagnostics);
  for (const Device& device : {kDisk, kNics}) CheckDevice(device, plans, overrides, diagnostics);
  if (!unread("duration")) CheckTimeout(first, overrides, diagnostics);
  const CheckNames names = NamesOf(first, broken);
  ResolveChecks(first.checks, names, diagnostics);
  ResolveExpected(scenario.expect, first.checks, first.scenario.monitor.has_value(), names, diagnostics);
  if (!unread("matrix")) CheckComparisons(scenario, plans, diagnostics);
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
