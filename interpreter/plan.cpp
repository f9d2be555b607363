#include "interpreter/plan.h"

#include <algorithm>
#include <map>

#include "interpreter/periodic.h"
#include "ops/op.h"

namespace ktstr {
namespace {

bool Excluded(const Matrix& matrix, const RunVariant& variant) {
  return std::any_of(matrix.exclude.begin(), matrix.exclude.end(), [&](const MatrixPoint& point) {
    return (!point.topology || *point.topology == variant.topology) &&
           (!point.memory || *point.memory == variant.memory) &&
           (!point.clock || *point.clock == variant.clock);
  });
}

std::string VariantName(const Matrix& matrix, const RunVariant& variant) {
  std::string name;
  const auto add = [&](std::string text) { name += (name.empty() ? "" : ",") + std::move(text); };
  if (!matrix.topology.empty()) add(vmm::FormatTopology(variant.topology.Concrete()));
  if (!matrix.memory.empty()) add(MemorySpec::Scalar().print(&variant.memory));
  if (!matrix.clock.empty()) add(std::string(kClocks[static_cast<std::size_t>(variant.clock)].name));
  return name;
}

template <typename T>
std::vector<T> AxisOr(const std::vector<T>& axis, const T& single) {
  return axis.empty() ? std::vector<T>{single} : axis;
}

std::string BaseName(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

std::vector<PayloadPlan> PayloadPlans(const Scenario& scenario) {
  std::vector<PayloadPlan> plans;
  for (const auto& [name, payload] : scenario.payloads.items)
    plans.push_back({name, BaseName(payload.binary), payload.args, payload.env, payload.own_process_group});
  return plans;
}

/// Walks a scenario in the order in which it will happen.
class Planner {
 public:
  Planner(const Scenario& scenario, const RunVariant& variant, Diagnostics& diagnostics)
      : scenario_(scenario),
        topology_(variant.topology.Concrete()),
        payloads_(PayloadPlans(scenario)),
        context_(topology_, payloads_, scenario.seed, diagnostics) {}

  void Run() {
    PlanBackdrop();
    for (std::size_t i = 0; i < scenario_.steps.size(); ++i) PlanStep(i);
    context_.EnterOp("steps");
    context_.EnterSlot(Slot::kBackdrop, "the end");
    context_.Emit(Finish{}, "finish");
  }

  RunPlan Take(const RunVariant& variant) {
    const ScenarioState& state = context_.state();
    return {variant,
            std::move(phases_),
            StandingStill(variant.clock, PlacePeriodic(std::move(context_.requests()),
                                                       scenario_.snapshots.periodic, &PlanPeriodic)),
            state.groups,
            state.payloads,
            holds_,
            state.TagsOf(Tags::kSnapshot),
            state.TagsOf(Tags::kRead),
            state.TagsOf(Tags::kWatch)};
  }

 private:
  /// On the virtual clock the guest stops by itself where the host is to act, at the same instruction in each
  /// run; it would race ahead otherwise.
  static std::vector<PlannedRequest> StandingStill(Clock clock, std::vector<PlannedRequest> plan) {
    if (clock == Clock::kWall) return plan;
    std::vector<PlannedRequest> still;
    for (PlannedRequest& planned : plan) {
      if (planned.host && (still.empty() || !still.back().host)) {
        PlannedRequest stop = planned;
        stop.request = AnyStruct::Of(StandStill{});
        stop.label = "stand still";
        stop.host = false;
        still.push_back(std::move(stop));
      }
      still.push_back(std::move(planned));
    }
    return still;
  }

  static PlannedRequest PlanPeriodic(std::uint32_t index, std::uint64_t offset_ns,
                                     const PlannedRequest& hold) {
    PlannedRequest planned{AnyStruct::Of(PeriodicCapture{index, offset_ns}),
                           "snapshots/periodic",
                           "snapshot " + PeriodicTag(index),
                           {},
                           hold.epoch,
                           false,
                           true,
                           {}};
    return planned;
  }

  void PlanBackdrop() {
    phases_.push_back({0, std::string(kBaselinePhase)});
    context_.EnterSlot(Slot::kBackdrop, "the backdrop");
    if (scenario_.monitor && scenario_.monitor->on) {
      context_.EnterOp("monitor");
      context_.EmitHost(StartMonitor{}, "start of the monitor");
    }
    context_.EnterOp("backdrop");
    context_.Emit(MarkPhase{0, false}, "begin of BASELINE");
    if (scenario_.backdrop) {
      const Backdrop& backdrop = *scenario_.backdrop;
      PlanCgroups("backdrop/cgroups", backdrop.cgroups);
      PlanOps("backdrop/ops", backdrop.ops);
      for (std::size_t i = 0; i < backdrop.payloads.size(); ++i) {
        context_.EnterOp("backdrop/payloads/" + std::to_string(i));
        context_.StartPayload("", backdrop.payloads[i], {}, nullptr);
      }
    }
    context_.Emit(MarkPhase{0, true}, "end of BASELINE");
  }

  void PlanStep(std::size_t index) {
    const Step& step = scenario_.steps[index];
    const std::string base = "steps/" + std::to_string(index);
    const std::string name = StepName(scenario_, index);
    const auto epoch = static_cast<std::uint32_t>(index + 1);
    phases_.push_back({epoch, name});
    context_.state().epoch = epoch;
    context_.EnterSlot(Slot::kStep, "step '" + name + "'");
    PlanCgroups(base + "/cgroups", step.cgroups);
    context_.EnterOp(base);
    context_.Emit(MarkPhase{epoch, false}, "begin of step " + name);
    if (step.hold && step.hold->every) {
      PlanLoop(step, base);
    } else {
      PlanOps(base + "/ops", step.ops);
      if (step.hold) PlanHold(*step.hold, base + "/hold");
    }
    context_.EnterOp(base);
    context_.Emit(MarkPhase{epoch, true}, "end of step " + name);
    context_.EndStep();
  }

  void PlanCgroups(const std::string& base, const std::vector<CgroupDef>& cgroups) {
    for (std::size_t i = 0; i < cgroups.size(); ++i) {
      context_.EnterOp(base + "/" + std::to_string(i));
      context_.ApplyDef("", cgroups[i]);
    }
  }

  void PlanOps(const std::string& base, const std::vector<Op>& ops) {
    for (std::size_t i = 0; i < ops.size(); ++i) {
      if (ops[i].decl() == nullptr) continue;  // the decoder has complained
      context_.EnterOp(base + "/" + std::to_string(i) + "/" + std::string(ops[i].decl()->name));
      OpOf(ops[i]).plan(ops[i].data(), context_);
    }
  }

  void EmitHold(std::int64_t from_now, std::uint64_t duration, bool from_mark, const std::string& label) {
    holds_.ns += from_now;
    context_.Emit(Hold{duration, from_mark}, label, Nanoseconds(from_now));
  }

  void PlanHold(const HoldSpec& hold, const std::string& path) {
    if (!hold.time && !hold.share) return;  // the decoder has complained
    const Duration time = hold.time ? *hold.time
                                    : Nanoseconds(static_cast<std::int64_t>(
                                          hold.share->fraction * static_cast<double>(scenario_.duration.ns)));
    if (time.ns <= 0) return;
    context_.EnterOp(path);
    EmitHold(time.ns, static_cast<std::uint64_t>(time.ns), false, "hold " + FormatDuration(time));
  }

  /// The ops at 0, every, 2 x every, ... as long as that is before `for`; then the rest of the time.
  void PlanLoop(const Step& step, const std::string& base) {
    if (!step.hold->for_time || step.hold->every->ns <= 0) return;  // the decoder has complained
    const std::int64_t every = step.hold->every->ns, total = step.hold->for_time->ns;
    if (total / every > kMaxRepetitions) return;  // likewise
    context_.EnterOp(base + "/hold");
    context_.Emit(SetHoldMark{}, "begin of the repetition");
    const std::size_t faults = context_.fault_count();
    context_.EnterLoop(true);
    for (std::int64_t at = 0; at < total; at += every) {
      PlanOps(base + "/ops", step.ops);
      if (context_.fault_count() != faults) break;  // the next round would only repeat them
      const std::int64_t next = std::min(at + every, total);
      context_.EnterOp(base + "/hold");
      EmitHold(next - at, static_cast<std::uint64_t>(next), true,
               "hold until " + FormatDuration(Nanoseconds(next)));
    }
    context_.EnterLoop(false);
  }

  const Scenario& scenario_;
  vmm::Topology topology_;
  std::vector<PayloadPlan> payloads_;
  PlanContext context_;
  std::vector<PlannedPhase> phases_;
  Duration holds_;
};

void CheckSnapshots(const Scenario& scenario, const RunPlan& plan, Diagnostics& diagnostics) {
  const std::uint32_t periodic = scenario.snapshots.periodic;
  if (periodic == 0) return;
  if (const auto fault = PeriodicFault(periodic, plan.holds))
    return diagnostics.Error("snapshots/periodic", "bad-periodic", *fault);
  if (periodic + plan.snapshots.size() > kMaxPeriodic)
    diagnostics.Error("snapshots/periodic", "too-many",
                      "with those of CaptureSnapshot there would be " +
                          std::to_string(periodic + plan.snapshots.size()) +
                          " snapshots; at most 64 of a run are kept");
}

void CheckMonitor(const Scenario& scenario, const std::vector<RunVariant>& variants,
                  Diagnostics& diagnostics) {
  if (!scenario.monitor || !scenario.monitor->on) return;
  for (const RunVariant& variant : variants)
    if (variant.clock == Clock::kVirtual)
      return diagnostics.Error(
          "monitor", "bad-monitor",
          "the monitor samples by the host's time, which the virtual clock does not follow",
          "use `snapshots: {periodic: N}` there");
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
CheckNames NamesOf(const Scenario& scenario, const RunPlan& plan) {
  CheckNames names;
  for (const PlannedPhase& phase : plan.phases) names.phases.push_back(phase.name);
  for (const PlannedRequest& planned : plan.requests)
    if (planned.request.Is<CreateCgroup>())
      names.cgroups.push_back(planned.request.As<CreateCgroup>().cgroup);
  const auto take = [](const std::vector<TagState>& tags, std::vector<std::string>& into) {
    for (const TagState& tag : tags) into.push_back(tag.name);
  };
  take(plan.snapshots, names.snapshots);
  take(plan.reads, names.reads);
  take(plan.watches, names.watches);
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

const StructDecl& StartMonitor::Decl() {
  static constexpr StructDecl kDecl = DeclareStruct<StartMonitor>("StartMonitor", "", {});
  return kDecl;
}

const StructDecl& PeriodicCapture::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PeriodicCapture::index>("index", ""),
      Required<&PeriodicCapture::boundary_ns>("boundary_ns", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<PeriodicCapture>("PeriodicCapture", "", kFields);
  return kDecl;
}

std::string StepName(const Scenario& scenario, std::size_t index) {
  const std::string& name = scenario.steps[index].name;
  return name.empty() ? "step" + std::to_string(index + 1) : name;
}

std::vector<RunVariant> Variants(const Scenario& scenario) {
  const Matrix matrix = scenario.matrix.value_or(Matrix{});
  std::vector<RunVariant> variants;
  for (const TopologySpec& topology : AxisOr(matrix.topology, scenario.topology))
    for (const MemorySpec& memory : AxisOr(matrix.memory, scenario.memory))
      for (const Clock clock : AxisOr(matrix.clock, scenario.clock)) {
        RunVariant variant{{}, topology, memory, clock};
        if (Excluded(matrix, variant)) continue;
        variant.name = VariantName(matrix, variant);
        variants.push_back(std::move(variant));
      }
  return variants;
}

RunPlan MakePlan(const Scenario& scenario, const RunVariant& variant, Diagnostics& diagnostics) {
  Planner planner(scenario, variant, diagnostics);
  planner.Run();
  return planner.Take(variant);
}

CheckList CollectChecks(const Scenario& scenario) {
  CheckList list;
  list.defaults = scenario.defaults;
  list.defaults_path = "defaults";
  for (std::size_t i = 0; i < scenario.checks.size(); ++i)
    list.checks.push_back({"checks/" + std::to_string(i), "", scenario.checks[i]});
  for (std::size_t s = 0; s < scenario.steps.size(); ++s)
    for (std::size_t i = 0; i < scenario.steps[s].checks.size(); ++i)
      list.checks.push_back({"steps/" + std::to_string(s) + "/checks/" + std::to_string(i),
                             StepName(scenario, s), scenario.steps[s].checks[i]});
  for (const auto& [name, payload] : scenario.payloads.items)
    if (!payload.checks.empty())
      list.payloads.push_back({JoinPath("payloads", name) + "/checks", name, payload.gate, payload.checks});
  return list;
}

void CheckPartlyDecoded(const Scenario& scenario, Diagnostics& decoding) {
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
  CheckScenario(scenario, checks);
  for (const Diagnostic& fault : checks.items()) {
    const bool known = std::any_of(broken.begin(), broken.end(), [&](const std::string& at) {
      return Within(fault.path, at) || Within(at, fault.path);
    });
    if (!known && !(names_unsure && IsOfNames(fault))) decoding.Add(fault);
  }
}

void CheckScenario(const Scenario& scenario, Diagnostics& diagnostics) {
  CheckStepNames(scenario, diagnostics);
  const std::vector<RunVariant> variants = Variants(scenario);
  if (variants.empty())
    return diagnostics.Error("matrix/exclude", "empty-matrix", "every combination of the matrix is excluded");
  std::optional<RunPlan> first;
  for (const RunVariant& variant : variants) {
    RunPlan plan = MakePlan(scenario, variant, diagnostics);
    if (!first) first = std::move(plan);
  }
  CheckSnapshots(scenario, *first, diagnostics);
  CheckMonitor(scenario, variants, diagnostics);
  if (first->holds >= scenario.timeout)
    diagnostics.Error("timeout", "timeout-too-short",
                      "the holds alone take " + FormatDuration(first->holds) + ", and the timeout is " +
                          FormatDuration(scenario.timeout),
                      "raise `timeout:`");
  ResolveChecks(CollectChecks(scenario), NamesOf(scenario, *first), diagnostics);
}

}  // namespace ktstr
