#include "interpreter/plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "interpreter/fold/metrics.h"
#include "interpreter/plan/compared_variants.h"
#include "interpreter/plan/payload_texts.h"
#include "interpreter/plan/periodic.h"
#include "interpreter/plan/programs.h"
#include "interpreter/scenario/checks/metric_check.h"
#include "interpreter/scenario/checks/payload_checks.h"
#include "interpreter/scenario/checks/scheduler_check.h"
#include "ops/host/stored_snapshot.h"
#include "ops/op.h"

namespace ktstr {
namespace {

/// Walks a scenario in the order in which it will happen.
class Planner {
 public:
  /// `scenario` is that of the variant. All outlive the planner; `broken` may be null.
  Planner(const Scenario& scenario, const RunVariant& variant, const BrokenPlaces* broken,
          Diagnostics& diagnostics)
      : scenario_(scenario),
        variant_(variant),
        topology_(scenario.topology.Concrete()),
        payloads_(ProgramPlans(scenario)),
        context_(topology_, payloads_, scenario.seed, diagnostics, broken),
        broken_(broken) {}

  void Run() {
    PlanBackdrop();
    for (std::size_t i = 0; i < scenario_.steps.size(); ++i) PlanStep(i);
    context_.EnterOp("steps");
    context_.EnterSlot(Slot::kBackdrop, "the end");
    context_.EndScenario();
    context_.Emit(Finish{}, "finish");
  }

  /// Moves what was planned into `plan`.
  void Take(RunPlan& plan) {
    ScenarioState& state = context_.state();
    plan.phases = std::move(phases_);
    plan.requests = WithPauses(scenario_.clock, PlacePeriodic(std::move(context_.requests()),
                                                              scenario_.snapshots.periodic, &PlanPeriodic));
    plan.groups = std::move(state.groups);
    plan.payloads = std::move(state.payloads);
    plan.holds.ns = std::min(holds_.ns, INT64_MAX - state.slept.ns) + state.slept.ns;
    plan.snapshots = std::move(state.TagsOf(Tags::kSnapshot));
    plan.snapshot_count = state.snapshots;
    plan.reads = std::move(state.TagsOf(Tags::kRead));
    plan.watches = std::move(state.TagsOf(Tags::kWatch));
    plan.procs = std::move(state.TagsOf(Tags::kProcs));
    plan.files = std::move(state.TagsOf(Tags::kFile));
    plan.symbols = std::move(state.symbols);
    plan.disk = std::move(state.disk);
    plan.nics = std::move(state.nics);
  }

 private:
  /// On the virtual clock the guest pauses by itself where the host is to act, at the same instruction in
  /// each run; it would race ahead otherwise.
  static std::vector<PlannedRequest> WithPauses(Clock clock, std::vector<PlannedRequest> plan) {
    if (clock == Clock::kWall) return plan;
    std::vector<PlannedRequest> paused;
    for (PlannedRequest& planned : plan) {
      if (planned.host() != nullptr && (paused.empty() || paused.back().host() == nullptr)) {
        PlannedRequest pause = planned;
        pause.what = GuestRequest{AnyStruct::Of(PauseMachine{})};
        pause.label = "pause";
        paused.push_back(std::move(pause));
      }
      paused.push_back(std::move(planned));
    }
    return paused;
  }

  static PlannedRequest PlanPeriodic(std::uint32_t index, std::uint64_t offset_ns,
                                     const PlannedRequest& hold) {
    return {HostAction{AnyStruct::Of(PeriodicCapture{index, offset_ns})},
            "snapshots/periodic",
            "snapshot " + PeriodicTag(index),
            {},
            hold.phase,
            false};
  }

  void PlanBackdrop() {
    phases_.push_back({0, std::string(kBaselinePhase)});
    context_.EnterSlot(Slot::kBackdrop, "the backdrop");
    context_.Doubt("payloads", true);
    context_.Doubt("schedulers", true);
    context_.Doubt("backdrop", false);
    context_.Doubt("backdrop/payloads", true);
    context_.Doubt("steps", false);
    if (scenario_.monitor && scenario_.monitor->on) {
      context_.EnterOp("monitor");
      context_.EmitHost(StartMonitor{}, "start of the monitor");
    }
    context_.EnterOp("backdrop");
    context_.Emit(MarkPhase{0, false}, "begin of BASELINE");
    PlanScheduler();
    if (scenario_.backdrop) {
      const Backdrop& backdrop = *scenario_.backdrop;
      PlanCgroups("backdrop/cgroups", backdrop.cgroups);
      PlanOps("backdrop/ops", backdrop.ops);
      for (std::size_t i = 0; i < backdrop.payloads.size(); ++i) {
        context_.EnterOp("backdrop/payloads/" + std::to_string(i));
        context_.StartPayload("", backdrop.payloads[i], {}, "");
      }
    }
    context_.Emit(MarkPhase{0, true}, "end of BASELINE");
  }

  void PlanScheduler() {
    if (variant_.scheduler == kEevdf) return;
    context_.EnterSlot(Slot::kBackdrop,
                       scenario_.scheduler_from_user ? "--scheduler of the command line" : "`scheduler:`");
    context_.EnterOp(variant_.scheduler_path);
    context_.AttachScheduler("", variant_.scheduler);
    context_.EnterSlot(Slot::kBackdrop, "the backdrop");
    context_.EnterOp("backdrop");
  }

  void PlanStep(std::size_t index) {
    const Step& step = scenario_.steps[index];
    const std::string base = "steps/" + std::to_string(index);
    const std::string name = StepName(scenario_, index);
    const auto phase = static_cast<std::uint32_t>(index + 1);
    phases_.push_back({phase, name});
    context_.state().phase = phase;
    context_.EnterSlot(Slot::kStep, "step '" + name + "'");
    context_.Doubt(base, false);
    PlanCgroups(base + "/cgroups", step.cgroups);
    context_.EnterOp(base);
    const MarkPhase begin{phase};
    if (step.hold && step.hold->every) {  // also when its time could not be read
      context_.Emit(begin, "begin of step " + name);
      PlanLoop(step, base);
    } else {
      if (!step.ops.empty()) context_.Emit(MarkPhase{phase, false, true}, "first Ops of step " + name);
      PlanOps(base + "/ops", step.ops, [&] {
        context_.EnterOp(base);
        context_.Emit(begin, "begin of step " + name);
      });
      if (step.hold) PlanHold(*step.hold, base + "/hold");
    }
    context_.EnterOp(base);
    context_.Emit(MarkPhase{phase, true}, "end of step " + name);
    context_.EndStep();
  }

  /// False from the Op on with which the payloads are given more than a run may hold; that is said once.
  bool Affordable() {
    payload_texts_ += PayloadTexts(std::span(context_.requests()).subspan(weighed_));
    weighed_ = context_.requests().size();
    if (payload_texts_ <= kMaxPayloadTexts) return true;
    if (!std::exchange(too_many_texts_, true))
      context_.Diagnose("", "out-of-range",
                        fmt::format("up to here the payloads are given more than {} arguments and variables",
                                    kMaxPayloadTexts),
                        "start them less often, or with fewer");
    return false;
  }

  void PlanCgroups(const std::string& base, const std::vector<CgroupDef>& cgroups) {
    context_.Doubt(base, false);
    for (std::size_t i = 0; i < cgroups.size() && Affordable(); ++i) {
      context_.EnterOp(base + "/" + std::to_string(i));
      context_.Doubt(context_.path(), true);
      context_.ApplyDef("", cgroups[i]);
    }
  }

  /// `begin` puts the begin of the measured phase where the first of them waits, else behind the last.
  void PlanOps(const std::string& base, const std::vector<Op>& ops, const std::function<void()>& begin = {}) {
    bool begun = !begin;
    context_.Doubt(base, false);
    for (std::size_t i = 0; i < ops.size() && Affordable(); ++i) {
      context_.Doubt(base + "/" + std::to_string(i), true);
      if (ops[i].decl() == nullptr) continue;  // the decoder has complained
      const std::string path = base + "/" + std::to_string(i) + "/" + std::string(ops[i].decl()->name);
      if (!begun && OpOf(ops[i]).waits) {
        begin();
        begun = true;
      }
      context_.EnterOp(path);
      OpOf(ops[i]).plan(ops[i].data(), context_);
    }
    if (!begun) begin();
  }

  void EmitHold(std::int64_t from_now, std::uint64_t duration, bool from_mark, const std::string& label) {
    if (__builtin_add_overflow(holds_.ns, from_now, &holds_.ns)) {
      context_.Diagnose("", "out-of-range", "the holds up to this one take more than 292 years");
      holds_.ns = 0;  // else each later hold would be one too many as well
    }
    context_.Emit(Hold{duration, from_mark}, label, Nanoseconds(from_now));
  }

  void PlanHold(const HoldSpec& hold, const std::string& path) {
    if (!hold.time && !hold.share) return;  // the decoder has complained
    context_.EnterOp(path);
    Duration time = hold.time.value_or(Duration{});
    if (!hold.time) {
      const double share = hold.share->fraction * static_cast<double>(scenario_.duration.ns);
      if (share >= static_cast<double>(INT64_MAX))
        return context_.Diagnose(
            "", "out-of-range",
            fmt::format("{} of {} is longer than 292 years", Percent::Scalar().print(&*hold.share),
                        FormatDuration(scenario_.duration)));
      time = Nanoseconds(static_cast<std::int64_t>(share));
    }
    if (time.ns <= 0) return;
    EmitHold(time.ns, static_cast<std::uint64_t>(time.ns), false, "hold " + FormatDuration(time));
  }

  /// The ops at 0, every, 2 x every, ... as long as that is before `for`; then the rest of the time.
  void PlanLoop(const Step& step, const std::string& base) {
    const std::int64_t every = step.hold->every->ns;
    const std::int64_t total = step.hold->for_time ? step.hold->for_time->ns : 0;
    if (every <= 0 || total <= 0 || total / every > kMaxRepetitions) {  // the decoder has complained
      context_.EnterLoop(true);
      PlanOps(base + "/ops", step.ops);
      return context_.EnterLoop(false);
    }
    context_.EnterOp(base + "/hold");
    context_.Emit(SetHoldMark{}, "begin of the repetition");
    const std::size_t diagnostics = context_.diagnostic_count();
    context_.EnterLoop(true);
    for (std::int64_t at = 0, next = 0; at < total; at = next) {
      PlanOps(base + "/ops", step.ops);
      // The next round would only repeat what was said. Ops that could not be read make no requests: no
      // number of rounds would be too many for them.
      const bool unread = broken_ != nullptr && broken_->Touches(base + "/ops");
      if (context_.diagnostic_count() != diagnostics || unread) break;
      next = total - at > every ? at + every : total;
      context_.EnterOp(base + "/hold");
      EmitHold(next - at, static_cast<std::uint64_t>(next), true,
               "hold until " + FormatDuration(Nanoseconds(next)));
      if (context_.requests().size() <= kMaxRequests) continue;
      context_.Diagnose("", "out-of-range",
                        fmt::format("up to the repetition at {} the run makes more than {} requests",
                                    FormatDuration(Nanoseconds(at)), kMaxRequests),
                        "repeat less often, or fewer Ops");
      break;
    }
    context_.EnterLoop(false);
  }

  const Scenario& scenario_;
  const RunVariant& variant_;
  vmm::Topology topology_;
  std::vector<PayloadPlan> payloads_;
  PlanContext context_;
  const BrokenPlaces* broken_;  // null: none
  std::vector<PlannedPhase> phases_;
  Duration holds_;
  std::size_t weighed_ = 0;  // requests that are in payload_texts_
  std::uint64_t payload_texts_ = 0;
  bool too_many_texts_ = false;
};

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

namespace {

/// The author need not say what follows from what the scenario does.
void NeedFeature(Scenario& scenario, vmm::KernelFeature feature) {
  std::vector<vmm::KernelFeature>& features =
      (scenario.kernel ? *scenario.kernel : scenario.kernel.emplace()).features;
  if (std::find(features.begin(), features.end(), feature) == features.end()) features.push_back(feature);
}

/// Whether a check of the scenario says with which codes a payload may exit.
bool ChecksExit(const CheckList& list, const std::string& name, const Payload& payload) {
  for (const PayloadCheck& check : payload.checks) {
    const AnyStruct& kind = check.kind;
    if (kind.Is<ExitCodeCheck>() ||
        (kind.Is<PayloadMinCheck>() && kind.As<PayloadMinCheck>().min.metric == kPayloadExitCode) ||
        (kind.Is<PayloadMaxCheck>() && kind.As<PayloadMaxCheck>().max.metric == kPayloadExitCode) ||
        (kind.Is<PayloadRangeCheck>() && kind.As<PayloadRangeCheck>().range.metric == kPayloadExitCode))
      return true;
  }
  const std::string metric = std::string(kPayloadMetricPrefix) + name + "." + std::string(kPayloadExitCode);
  return std::any_of(list.checks.begin(), list.checks.end(), [&](const PlacedCheck& placed) {
    return placed.check.kind.Is<MetricCheck>() && placed.check.kind.As<MetricCheck>().metric == metric;
  });
}

/// The checks of a scenario with their document paths.
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
  for (const PlacedCheck& placed : list.checks) {
    if (!placed.check.kind.Is<SchedulerEndCheck>()) continue;
    const auto& check = placed.check.kind.As<SchedulerEndCheck>();
    list.expected_ends.push_back({check.scheduler, check.end});
  }
  for (const auto& [name, payload] : scenario.payloads.items)
    list.payload_rules.push_back({name, payload.gate, ChecksExit(list, name, payload)});
  for (const auto& [name, payload] : scenario.payloads.items)
    if (!payload.checks.empty())
      list.payloads.push_back({JoinPath("payloads", name) + "/checks", name, payload.gate, payload.checks});
  return list;
}

}  // namespace

RunPlan MakePlan(const Scenario& scenario, const RunVariant& variant, Diagnostics& diagnostics,
                 const BrokenPlaces* broken) {
  RunPlan plan;
  plan.variant = variant.name;
  plan.scenario = OnlyVariant(scenario, variant);
  plan.checks = CollectChecks(plan.scenario);
  PlaceComparisons(scenario, variant, plan);
  Planner planner(plan.scenario, variant, broken, diagnostics);
  planner.Run();
  planner.Take(plan);
  if (plan.disk) NeedFeature(plan.scenario, vmm::KernelFeature::kVirtioBlk);
  if (plan.nics) NeedFeature(plan.scenario, vmm::KernelFeature::kVirtioNet);
  if (std::any_of(plan.payloads.begin(), plan.payloads.end(),
                  [](const PayloadState& payload) { return payload.scheduler && !payload.built_in; }))
    NeedFeature(plan.scenario, vmm::KernelFeature::kSchedExt);
  return plan;
}

}  // namespace ktstr
