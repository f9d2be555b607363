// The kind `metric`: holds the numbers of metric_values.h against bounds.
#include "interpreter/scenario/checks/metric_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "interpreter/fold/metrics.h"
#include "interpreter/scenario/checks/bounds.h"
#include "interpreter/scenario/checks/check_kind.h"
#include "interpreter/scenario/checks/metric_values.h"
#include "ops/plan/suggest.h"
#include "workloads/work_type.h"

namespace ktstr {
namespace {

// ---- what its fields must agree on

void RatioRules(const MetricCheck& check, RuleSink& sink) {
  const bool ratio = check.min_ratio || check.max_ratio;
  if (ratio && !check.vs_phase && !check.vs_variant)
    sink.Diagnose(check.min_ratio ? "min_ratio" : "max_ratio",
                  "a ratio needs vs_phase or vs_variant, what to compare with");
  if (!ratio && check.vs_phase) sink.Diagnose("vs_phase", "vs_phase needs min_ratio or max_ratio");
  if (!ratio && check.vs_variant) sink.Diagnose("vs_variant", "vs_variant needs min_ratio or max_ratio");
  if (check.vs_phase && check.vs_variant)
    sink.Diagnose("vs_variant", "vs_phase and vs_variant exclude each other");
  if (check.vs_variant && BoundsOf(check).any())
    sink.Diagnose("vs_variant",
                  "a check with vs_variant bounds ratios only; give min and max a check of their own");
  if (check.min_ratio && check.max_ratio && *check.min_ratio > *check.max_ratio)
    sink.Diagnose("min_ratio", "min_ratio is above max_ratio");
  if (check.vs_phase && check.phase == check.vs_phase)
    sink.Diagnose("vs_phase", "a phase cannot be compared with itself");
}

void MetricRules(const void* object, RuleSink& sink) {
  const auto& check = *static_cast<const MetricCheck*>(object);
  const bool ratio = check.min_ratio || check.max_ratio;
  if (!ratio && !BoundsOf(check).any())
    sink.Diagnose("metric", "the check has no bound; give min, max, between, min_ratio or max_ratio");
  BoundRules(BoundsOf(check), sink);
  RatioRules(check, sink);
}

// ---- before a run

void ResolveScope(const MetricCheck& check, const MetricDecl& metric, CheckSite& site) {
  if (metric.scope != Scope::kCgroup && check.cgroup)
    site.Bad("cgroup", fmt::format("{} is one number per {}, not per cgroup", metric.name,
                                   metric.scope == Scope::kRun ? "run" : "phase"));
  if (metric.scope == Scope::kRun) {
    const std::string message = fmt::format("{} is one number per run, not per phase", metric.name);
    if (check.phase)
      site.Bad("phase", message);
    else if (!site.step().empty())
      site.Bad("metric", message + "; the check belongs into the scenario's own checks");
    if (check.vs_phase) site.Bad("vs_phase", message);
  }
  if (metric.scope != Scope::kCgroup) return;
  const std::string nothing =
      fmt::format("{} is measured in steps only, not in {}", metric.name, kBaselinePhase);
  if (check.phase == kBaselinePhase) site.Bad("phase", nothing);
  if (check.vs_phase == kBaselinePhase) site.Bad("vs_phase", nothing);
}

/// The work types that measure what `needs` says; none: it is not about samples.
std::vector<std::string_view> TypesThatMeasure(Needs needs) {
  std::vector<std::string_view> types;
  for (const WorkTypeDecl& type : AllWorkTypes()) {
    const std::string_view sample = needs == Needs::kWakeSamples      ? type.wake_sample
                                    : needs == Needs::kTimerSamples   ? type.timer_sample
                                    : needs == Needs::kIterationCosts ? type.iteration_cost
                                                                      : std::string_view();
    if (!sample.empty()) types.push_back(type.params().name);
  }
  return types;
}

/// A few of them, when there are many.
std::string SomeOf(const std::vector<std::string_view>& types) {
  constexpr std::size_t kFew = 6;
  const std::size_t shown = types.size() <= kFew ? types.size() : kFew - 1;
  std::string text = fmt::format("{}", fmt::join(types.begin(), types.begin() + shown, ", "));
  if (shown < types.size()) text += fmt::format(" and {} more", types.size() - shown);
  return text;
}

std::string_view SamplesOf(Needs needs) {
  switch (needs) {
    case Needs::kWakeSamples:
      return "the latency of wake-ups";
    case Needs::kTimerSamples:
      return "the latency of timers";
    case Needs::kIterationCosts:
      return "the time of an iteration";
    default:
      return {};
  }
}

/// Diagnoses a check on a number that no run of the scenario can have.
void ResolveData(const MetricCheck& check, const MetricDecl& metric, CheckSite& site) {
  const std::vector<std::string_view> able = TypesThatMeasure(metric.needs);
  const std::string_view samples = SamplesOf(metric.needs);
  const NameDoubts& doubts = site.names().doubts;
  if (doubts.MayMake(Refers::kGroup) || site.Unread("cgroup")) return;
  std::set<std::string_view> cgroups;  // with workers that the check is about
  bool measured = false;
  bool has_cpuset = false;
  for (const CheckNames::Group& group : site.names().groups) {
    if (check.cgroup && group.cgroup != *check.cgroup) continue;
    if (check.group && group.name != *check.group) continue;
    cgroups.insert(group.cgroup);
    has_cpuset = has_cpuset || group.has_cpuset;
    measured = measured || group.work_type.empty() ||
               std::find(able.begin(), able.end(), group.work_type) != able.end();
  }
  const bool known = !check.cgroup || std::find(site.names().cgroups.begin(), site.names().cgroups.end(),
                                                *check.cgroup) != site.names().cgroups.end();
  if (metric.needs == Needs::kCgroup) {
    if (site.names().cgroups.empty() && !doubts.MayMake(Refers::kCgroup))
      site.Bad("metric", fmt::format("{} is counted by cgroup, and this scenario makes none", metric.name));
    return;
  }
  const std::string where = check.cgroup ? fmt::format("cgroup '{}'", *check.cgroup) : "this scenario";
  if (!known || (check.group && cgroups.empty())) return;  // said already
  if (cgroups.empty())
    site.Bad(check.cgroup ? "cgroup" : "metric",
             fmt::format("{} is measured by workers, and {} has none", metric.name, where));
  else if (!samples.empty() && !measured)
    site.Bad("metric",
             fmt::format("{} never has data here: no worker of {} measures {}", metric.name, where, samples),
             fmt::format("these do: {}", SomeOf(able)));
  else if (metric.needs == Needs::kCpuset && !has_cpuset && !doubts.MayMake(Refers::kCgroup))
    site.Bad("metric", fmt::format("{} never has data here: no worker of {} has a cpuset all its life",
                                   metric.name, where));
  else if (metric.needs == Needs::kTwoCgroups && cgroups.size() < 2)
    site.Bad("metric", fmt::format("{} never has data here: it compares cgroups, and workers are in one only",
                                   metric.name));
}

/// Diagnoses a group that does not exist where the check looks for it, or a metric that is not of workers.
void ResolveGroup(const MetricCheck& check, const MetricDecl* metric, CheckSite& site) {
  if (!check.group) return;
  if (metric == nullptr || metric->scope != Scope::kCgroup || metric->needs == Needs::kCgroup)
    return site.Bad("group", fmt::format("{} is not measured by groups of workers", check.metric));
  std::vector<std::string> names;
  for (const CheckNames::Group& group : site.names().groups)
    if (!group.name.empty() && (!check.cgroup || group.cgroup == *check.cgroup)) names.push_back(group.name);
  if (std::find(names.begin(), names.end(), *check.group) != names.end() || site.Unread("cgroup") ||
      site.names().doubts.MayMake(Refers::kGroup))
    return;
  site.Unknown("group",
               fmt::format("there is no work group '{}' in {}", *check.group,
                           check.cgroup ? fmt::format("cgroup '{}'", *check.cgroup) : "this scenario"),
               DidYouMean(*check.group, names));
}

void ResolvePayloadMetric(const MetricCheck& check, CheckSite& site) {
  PayloadNames payloads(site);
  std::vector<std::string> names;
  for (const CheckNames::Payload& payload : site.names().payloads) names.push_back(payload.name);
  if (const auto named = ParsePayloadMetricName(check.metric, names)) {
    const CheckNames::Payload& payload = *payloads.Find(named->payload);
    payloads.KnownMetric(payload, named->metric, "metric");
    if (const auto unit = PayloadNames::UnitOf(payload, named->metric))
      ResolveBounds(BoundsOf(check), *unit, site);
    return;
  }
  const std::string rest = check.metric.substr(kPayloadMetricPrefix.size());
  const std::string payload = rest.substr(0, rest.find('.'));
  if (payloads.Find(payload) != nullptr)
    site.Unknown("metric", fmt::format("'{}' does not name a metric of payload '{}'", check.metric, payload),
                 fmt::format("write payload.{}.<metric>", payload));
  else
    site.Known("metric", Refers::kPayload, "payload", payload, names);
}

void Resolve(const MetricCheck& check, CheckSite& site) {
  const CheckNames& names = site.names();
  site.Known("phase", Refers::kPhase, "phase", check.phase, names.phases);
  site.Known("vs_phase", Refers::kPhase, "phase", check.vs_phase, names.phases);
  site.Known("cgroup", Refers::kCgroup, "cgroup", check.cgroup, names.cgroups);
  if (check.vs_phase && !PhaseOf(check.phase, site.step()) && !site.Unread("phase"))
    site.Bad("vs_phase", "there is nothing to compare with it: name the phase of the check too");
  else if (check.vs_phase && !check.phase && site.step() == *check.vs_phase)
    site.Bad("vs_phase", "a phase cannot be compared with itself");
  const bool of_payload = check.metric.starts_with(kPayloadMetricPrefix);
  const MetricDecl* const metric = of_payload ? nullptr : FindMetric(check.metric);
  if (of_payload || metric != nullptr) ResolveGroup(check, metric, site);
  if (of_payload) return ResolvePayloadMetric(check, site);
  if (metric == nullptr)
    return site.Unknown("metric", fmt::format("there is no metric '{}'", check.metric),
                        DidYouMean(check.metric, MetricNames()));
  ResolveScope(check, *metric, site);
  ResolveBounds(BoundsOf(check), metric->unit, site);
  ResolveSpan(BoundsOf(check), metric->name, metric->unit, {metric->lowest, metric->highest}, site);
  ResolveData(check, *metric, site);
}

// ---- after a run

struct Bound {
  double value;
  bool is_max;
  bool is_ratio;
};

std::optional<double> Measured(const MetricValue& number, const Bound& bound) {
  if (!number.value) return std::nullopt;
  if (!bound.is_ratio) return number.value;
  if (!number.base || *number.base == 0) return std::nullopt;
  return *number.value / *number.base;
}

/// How a number fares. `excess` orders those of one verdict: how far above (positive) or inside the bound.
struct Outcome {
  Verdict verdict = Verdict::kPass;
  const MetricValue* number = nullptr;
  std::optional<Bound> bound;  // the one that decided
  double excess = 0;
};

Outcome Look(const MetricValue& number, const std::vector<Bound>& bounds) {
  Outcome outcome{Verdict::kPass, &number, {}, 0};
  for (const Bound& bound : bounds) {
    const auto measured = Measured(number, bound);
    if (!measured || !std::isfinite(*measured) || !number.incomplete.empty()) {
      outcome.verdict = Verdict::kInconclusive;
      outcome.bound = bound;
      return outcome;
    }
    const double excess = bound.is_max ? *measured - bound.value : bound.value - *measured;
    if (bound.is_ratio && number.base_doubt + number.own_doubt > 0) {
      // Both throughputs are at least what was measured: the ratio lies between these.
      const double least = *measured * (1 - number.base_doubt);
      const double most = *measured / (1 - std::min(number.own_doubt, 0.99));
      if ((least < bound.value) != (most < bound.value)) return {Verdict::kInconclusive, &number, bound, 0};
    }
    if (!outcome.bound || excess > outcome.excess) {
      outcome.bound = bound;
      outcome.excess = excess;
    }
  }
  if (outcome.excess > 0) outcome.verdict = Verdict::kFail;
  return outcome;
}

/// The bounds in `unit`; an error when one does not go with it.
Result<std::vector<Bound>> BoundsIn(const MetricCheck& check, const std::string& unit) {
  std::vector<Bound> bounds;
  std::vector<std::pair<Quantity, bool>> written;
  if (check.min) written.emplace_back(*check.min, false);
  if (check.max) written.emplace_back(*check.max, true);
  for (std::size_t i = 0; i < check.between.size(); ++i) written.emplace_back(check.between[i], i == 1);
  for (const auto& [quantity, is_max] : written) {
    const Result<double> value = quantity.In(unit);
    if (!value) return value.error();
    bounds.push_back({*value, is_max, false});
  }
  if (check.min_ratio) bounds.push_back({*check.min_ratio, false, true});
  if (check.max_ratio) bounds.push_back({*check.max_ratio, true, true});
  return bounds;
}

std::string BrokenBound(const Bound& bound, const std::string& unit) {
  return fmt::format(", {} the {}{} of {}", bound.is_max ? "above" : "below",
                     bound.is_max ? "maximum" : "minimum", bound.is_ratio ? " ratio" : "",
                     FormatAmount(bound.value, bound.is_ratio ? "" : unit));
}

/// The number in words, with what it is compared with, what it lacks, and the bound it breaks.
std::string MessageOf(const MetricCheck& check, const Outcome& outcome) {
  const MetricValue& number = *outcome.number;
  if (!number.no_data.empty()) return fmt::format("no data for {}: {}", number.title, number.no_data);
  std::string message =
      fmt::format("{} is {}{}", number.title, FormatAmount(*number.value, number.unit), number.note);
  if (outcome.bound->is_ratio) {
    const auto measured = Measured(number, *outcome.bound);
    const std::string base = FormatAmount(*number.base, number.unit);
    const std::string of = check.vs_phase ? "phase " + *check.vs_phase : "variant " + number.other_variant;
    message += measured ? fmt::format(", {} times the {} of {}", FormatAmount(*measured, ""), base, of)
                        : fmt::format(", which cannot be compared with the {} of {}", base, of);
  }
  if (!number.incomplete.empty())
    message += ", but " + number.incomplete;
  else if (outcome.verdict == Verdict::kInconclusive && Measured(number, *outcome.bound))
    message += fmt::format(
        ", but QEMU waited for CPUs of the host {:.0f} % of the time, and {:.0f} % in that variant: too much "
        "to say",
        100 * number.own_doubt, 100 * number.base_doubt);
  else if (outcome.verdict == Verdict::kFail)
    message += BrokenBound(*outcome.bound, number.unit);
  return message;
}

class Judgement {
 public:
  Judgement(const MetricCheck& check, const RunFacts& run) : check_(check), run_(run) {}

  [[nodiscard]] CheckResult Run() const {
    const bool of_payload = check_.metric.starts_with(kPayloadMetricPrefix);
    const MetricDecl* const metric = FindMetric(check_.metric);
    if (!of_payload && metric == nullptr)
      return Give(Verdict::kError, {}, fmt::format("there is no metric '{}'", check_.metric));
    const std::vector<MetricValue> numbers =
        of_payload ? PayloadValuesOf(check_, run_) : ValuesOf(*metric, check_, run_);
    if (numbers.empty()) return Give(Verdict::kInconclusive, {}, WhyNoValues(check_, run_));
    return Decide(numbers);
  }

 private:
  [[nodiscard]] CheckResult Decide(const std::vector<MetricValue>& numbers) const {
    std::optional<Outcome> worst;
    for (const MetricValue& number : numbers) {
      const auto bounds = BoundsIn(check_, number.unit);
      if (!bounds)
        return Give(Verdict::kError, {},
                    fmt::format("the bound of {} makes no sense: {}", check_.metric, bounds.error().message));
      const Outcome outcome = Look(number, *bounds);
      if (!worst || outcome.verdict > worst->verdict ||
          (outcome.verdict == worst->verdict && outcome.excess > worst->excess))
        worst = outcome;
    }
    const MetricValue& number = *worst->number;
    if (!worst->bound)
      return Give(Verdict::kError, number, fmt::format("the check on {} has no bound", check_.metric));
    CheckResult result = Give(worst->verdict, number, MessageOf(check_, *worst));
    result.value = worst->bound->is_ratio ? Measured(number, *worst->bound) : number.value;
    result.bound = worst->bound->value;
    result.unit = worst->bound->is_ratio ? "x" : number.unit;
    return result;
  }

  [[nodiscard]] CheckResult Give(Verdict verdict, const MetricValue& number, std::string message) const {
    CheckResult result;
    result.verdict = verdict;
    result.check = check_.metric;
    result.phase =
        number.phase.empty() ? std::string(PhaseOf(check_.phase, run_.step).value_or("")) : number.phase;
    result.cgroup = number.cgroup.empty() ? check_.cgroup.value_or("") : number.cgroup;
    result.message = std::move(message);
    return result;
  }

  const MetricCheck& check_;
  const RunFacts& run_;
};

CheckResult Judge(const MetricCheck& check, const RunFacts& run) { return Judgement(check, run).Run(); }

constexpr std::array kHead{
    Required<&MetricCheck::metric>(
        "metric", "A metric is checked; `payload.<name>.<metric>` for a payload's.", {}, Refers::kMetric),
    Optional<&MetricCheck::phase>(
        "phase", "The step it is measured in; without one the step the check stands in, else the whole run.",
        {}, Refers::kPhase),
    Optional<&MetricCheck::cgroup>(
        "cgroup", "The cgroup it is measured in; without one every cgroup with data must hold.", {},
        Refers::kCgroup),
    Optional<&MetricCheck::group>("group", "Only the workers of work groups with this `name`.", {},
                                  Refers::kGroup),
};
constexpr std::array kRatio{
    Optional<&MetricCheck::vs_phase>("vs_phase", "The phase that min_ratio and max_ratio compare with.", {},
                                     Refers::kPhase),
    Optional<&MetricCheck::vs_variant>(
        "vs_variant",
        "The variant that min_ratio and max_ratio compare with, by the values of the matrix in which it "
        "differs: "
        "`eevdf`, `1n1l1c1t,wall`. It runs first and is not compared with itself.",
        {}),
    Optional<&MetricCheck::min_ratio>(
        "min_ratio", "The smallest value allowed for the value divided by the one of vs_phase or vs_variant.",
        AtLeast(0)),
    Optional<&MetricCheck::max_ratio>(
        "max_ratio", "The largest value allowed for the value divided by the one of vs_phase or vs_variant.",
        AtLeast(0)),
};

}  // namespace

const StructDecl& MetricCheck::Decl() {
  static constexpr auto kFields = JoinFields(kHead, kBoundFields<MetricCheck>, kRatio);
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<MetricCheck>("metric", "A metric is within bounds.", kFields);
    decl.rules = &MetricRules;
    return decl;
  }();
  return kDecl;
}

extern const CheckKind check_metric;
const CheckKind check_metric = DeclareCheck<MetricCheck, &Resolve, &Judge>();

}  // namespace ktstr
