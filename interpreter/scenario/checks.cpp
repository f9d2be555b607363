#include "interpreter/scenario/checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/fold/metrics.h"
#include "interpreter/fold/stats.h"
#include "ops/plan/suggest.h"

namespace ktstr {
namespace {

void PayloadRangeRules(const void* object, RuleSink& sink) {
  const auto& range = *static_cast<const PayloadRange*>(object);
  if (range.lo.SurelyMoreThan(range.hi)) sink.Fault("lo", "lo is above hi");
}

std::string ParseDefaults(std::string_view text, void* object) {
  auto& defaults = *static_cast<DefaultChecks*>(object);
  defaults = {};
  if (text == "on") return {};
  if (text != "off") return fmt::format("'{}' is neither on nor off", text);
  for (const FieldDecl* field : AllDefaultChecks()) *static_cast<bool*>(field->member(object)) = false;
  return {};
}

std::string PrintDefaults(const void* object) {
  if (static_cast<const DefaultChecks*>(object)->stall_limit != DefaultChecks{}.stall_limit) return {};
  const auto fields = AllDefaultChecks();
  const auto on = std::count_if(fields.begin(), fields.end(), [&](const FieldDecl* field) {
    return *static_cast<const bool*>(field->Member(object));
  });
  if (on == 0) return "off";
  return on == static_cast<std::ptrdiff_t>(fields.size()) ? "on" : "";
}

}  // namespace

const StructDecl& PayloadBound::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PayloadBound::metric>("metric", "A metric of the payload's output."),
      Required<&PayloadBound::value>("value", "The bound, inclusive."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<PayloadBound>("PayloadBound", "A metric and its bound.", kFields);
  return kDecl;
}

const StructDecl& PayloadRange::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PayloadRange::metric>("metric", "A metric of the payload's output."),
      Required<&PayloadRange::lo>("lo", "The smallest value allowed."),
      Required<&PayloadRange::hi>("hi", "The largest value allowed."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<PayloadRange>("PayloadRange", "A metric and its two bounds.", kFields);
    decl.rules = &PayloadRangeRules;
    return decl;
  }();
  return kDecl;
}

const StructDecl& PayloadCheck::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&PayloadCheck::exit_code>(
          "exit_code", "It must exit with this code. Judged before all others, and alone when it fails."),
      Optional<&PayloadCheck::min>("min", "A metric must be there and at least this."),
      Optional<&PayloadCheck::max>("max", "A metric must be there and at most this."),
      Optional<&PayloadCheck::range>("range", "A metric must be there and within these bounds."),
      Optional<&PayloadCheck::exists>("exists", "A metric must be there."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl =
        DeclareStruct<PayloadCheck>("PayloadCheck", "What a payload's end and output must be like.", kFields);
    decl.exactly_one = true;
    return decl;
  }();
  return kDecl;
}

const StructDecl& DefaultChecks::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&DefaultChecks::workers_reported>("workers_reported",
                                                 "Every worker left a report; one that did not is an ERROR."),
      Optional<&DefaultChecks::workers_set_up>(
          "workers_set_up", "Every worker got the affinity and the scheduling policy asked for, else ERROR."),
      Optional<&DefaultChecks::progress>("progress", "Every worker did some work."),
      Optional<&DefaultChecks::no_stall>("no_stall", "No worker stood still for longer than stall_limit."),
      Optional<&DefaultChecks::stall_limit>("stall_limit", "The longest standstill that no_stall allows."),
      Optional<&DefaultChecks::cpuset_isolation>(
          "cpuset_isolation", "No worker ran on a CPU outside the cpusets its cgroup had in its life."),
  };
  static constexpr ShorthandDecl kShorthand{
      "on or off: all of them.", "^(on|off)$", "off", false, &ParseDefaults, &PrintDefaults};
  static constexpr StructDecl kDecl = [] {
    StructDecl decl =
        DeclareStruct<DefaultChecks>("DefaultChecks", "Checks that are on unless switched off.", kFields);
    decl.shorthand = &kShorthand;
    return decl;
  }();
  return kDecl;
}

std::vector<const FieldDecl*> AllDefaultChecks() {
  std::vector<const FieldDecl*> checks;
  for (const FieldDecl& field : DefaultChecks::Decl().fields)
    if (field.type().kind == Kind::kBool) checks.push_back(&field);
  return checks;
}

std::optional<std::string_view> PlacedCheck::Phase() const {
  if (check.phase) return *check.phase;
  if (!step.empty()) return step;
  return std::nullopt;
}

namespace {

class Resolver {
 public:
  Resolver(const CheckNames& names, Diagnostics& diagnostics) : names_(names), diagnostics_(diagnostics) {
    for (const CheckNames::Payload& payload : names.payloads) payloads_.push_back(payload.name);
  }

  void Resolve(const PlacedCheck& placed) {
    const MetricCheck& check = placed.check;
    Known(placed.path, "phase", "phase", check.phase, names_.phases);
    Known(placed.path, "vs_phase", "phase", check.vs_phase, names_.phases);
    Known(placed.path, "cgroup", "cgroup", check.cgroup, names_.cgroups);
    if (check.vs_phase && !placed.Phase())
      Bad(placed.path, "vs_phase", "there is nothing to compare with it: name the phase of the check too");
    else if (check.vs_phase && !check.phase && placed.step == *check.vs_phase)
      Bad(placed.path, "vs_phase", "a phase cannot be compared with itself");

    if (check.over_time && check.over_time->phase_ratio) {
      const std::string at = JoinPath(placed.path, "over_time/phase_ratio");
      Known(at, "from", "phase", check.over_time->phase_ratio->from, names_.phases);
      Known(at, "to", "phase", check.over_time->phase_ratio->to, names_.phases);
    }
    if (!OfFire(check.snapshot)) Known(placed.path, "snapshot", "snapshot", check.snapshot, names_.snapshots);
    Known(placed.path, "read", "read", check.read, names_.reads);
    Known(placed.path, "watch", "watch", check.watch, names_.watches);
    if (check.OfObservation()) return;
    if (check.metric.starts_with(kPayloadMetricPrefix)) {
      ResolvePayloadMetric(placed);
      return;
    }
    const MetricDecl* metric = FindMetric(check.metric);
    if (metric == nullptr) {
      Unknown(JoinPath(placed.path, "metric"), fmt::format("there is no metric '{}'", check.metric),
              DidYouMean(check.metric, MetricNames()));
      return;
    }
    CheckScope(placed, *metric);
    CheckUnits(placed, metric->unit);
  }

  void Resolve(const PlacedPayloadChecks& placed) {
    const CheckNames::Payload* payload = Find(placed.payload);
    if (payload == nullptr) return;  // then it has no checks of its own either
    for (std::size_t i = 0; i < placed.checks.size(); ++i) {
      const PayloadCheck& check = placed.checks[i];
      const std::string path = JoinPath(placed.path, i);
      if (check.min)
        Bound(*payload, JoinPath(path, "min"), check.min->metric, {{"value", &check.min->value}});
      if (check.max)
        Bound(*payload, JoinPath(path, "max"), check.max->metric, {{"value", &check.max->value}});
      if (check.range)
        Bound(*payload, JoinPath(path, "range"), check.range->metric,
              {{"lo", &check.range->lo}, {"hi", &check.range->hi}});
      if (check.exists) KnownPayloadMetric(*payload, *check.exists, JoinPath(path, "exists"));
    }
  }

 private:
  /// Those that a watch with `capture: full` takes are called "<watch>#<n>".
  bool OfFire(const std::optional<std::string>& snapshot) const {
    if (!snapshot) return false;
    const std::size_t sign = snapshot->find('#');
    const auto& all = names_.watches;
    return sign != std::string::npos &&
           std::find(all.begin(), all.end(), snapshot->substr(0, sign)) != all.end();
  }

  using NamedBounds = std::vector<std::pair<std::string_view, const Quantity*>>;

  void Unknown(std::string path, std::string message, std::string hint) {
    diagnostics_.Error(std::move(path), "unknown-name", std::move(message), std::move(hint));
  }
  void Bad(std::string_view path, std::string_view field, std::string message) {
    diagnostics_.Error(JoinPath(path, field), "bad-check", std::move(message));
  }
  void Known(std::string_view path, std::string_view field, std::string_view what,
             const std::optional<std::string>& name, const std::vector<std::string>& all) {
    if (!name || std::find(all.begin(), all.end(), *name) != all.end()) return;
    Unknown(JoinPath(path, field), fmt::format("there is no {} '{}' in this scenario", what, *name),
            DidYouMean(*name, all));
  }

  void CheckScope(const PlacedCheck& placed, const MetricDecl& metric) {
    const MetricCheck& check = placed.check;
    if (metric.scope != Scope::kCgroup && check.cgroup)
      Bad(placed.path, "cgroup",
          fmt::format("{} is one number per {}, not per cgroup", metric.name,
                      metric.scope == Scope::kRun ? "run" : "phase"));
    if (metric.scope == Scope::kRun) {
      const std::string message = fmt::format("{} is one number per run, not per phase", metric.name);
      if (check.phase)
        Bad(placed.path, "phase", message);
      else if (!placed.step.empty())
        Bad(placed.path, "metric", message + "; the check belongs into the scenario's own checks");
      if (check.vs_phase) Bad(placed.path, "vs_phase", message);
    }
    const std::string nothing =
        fmt::format("{} is measured in steps only, not in {}", metric.name, kBaselinePhase);
    if (metric.scope == Scope::kCgroup && check.phase == kBaselinePhase) Bad(placed.path, "phase", nothing);
    if (metric.scope == Scope::kCgroup && check.vs_phase == kBaselinePhase)
      Bad(placed.path, "vs_phase", nothing);
  }

  void CheckUnit(std::string_view path, std::string_view field, const Quantity& bound,
                 std::string_view unit) {
    const Result<double> value = bound.In(unit);
    if (!value) diagnostics_.Error(JoinPath(path, field), "wrong-unit", value.error().message);
  }
  void CheckUnits(const PlacedCheck& placed, std::string_view unit) {
    const MetricCheck& check = placed.check;
    if (check.min) CheckUnit(placed.path, "min", *check.min, unit);
    if (check.max) CheckUnit(placed.path, "max", *check.max, unit);
    for (std::size_t i = 0; i < check.between.size(); ++i)
      CheckUnit(JoinPath(placed.path, "between"), std::to_string(i), check.between[i], unit);
    if (check.between.size() != 2) return;
    const Result<double> lo = check.between[0].In(unit);
    const Result<double> hi = check.between[1].In(unit);
    if (lo && hi && *lo > *hi && !check.between[0].SurelyMoreThan(check.between[1]))
      Bad(placed.path, "between", "the first number is above the second");
  }

  const CheckNames::Payload* Find(std::string_view name) const {
    for (const CheckNames::Payload& payload : names_.payloads)
      if (payload.name == name) return &payload;
    return nullptr;
  }

  void ResolvePayloadMetric(const PlacedCheck& placed) {
    const auto named = ParsePayloadMetricName(placed.check.metric, payloads_);
    const std::string path = JoinPath(placed.path, "metric");
    if (!named) {
      const std::string rest = placed.check.metric.substr(kPayloadMetricPrefix.size());
      const std::string payload = rest.substr(0, rest.find('.'));
      if (Find(payload) != nullptr)
        Unknown(path,
                fmt::format("'{}' does not name a metric of payload '{}'", placed.check.metric, payload),
                fmt::format("write payload.{}.<metric>", payload));
      else
        Unknown(path, fmt::format("there is no payload '{}' in this scenario", payload),
                DidYouMean(payload, payloads_));
      return;
    }
    const CheckNames::Payload& payload = *Find(named->payload);
    KnownPayloadMetric(payload, named->metric, path);
    if (const auto unit = UnitOf(payload, named->metric)) CheckUnits(placed, *unit);
  }

  static std::optional<std::string_view> BuiltInUnit(std::string_view metric) {
    if (metric == kPayloadExitCode) return "";
    if (metric == kPayloadDuration) return "ms";
    return std::nullopt;
  }
  /// Nothing when the scenario does not tell.
  static std::optional<std::string_view> UnitOf(const CheckNames::Payload& payload, std::string_view metric) {
    if (const auto unit = BuiltInUnit(metric)) return unit;
    const std::string* unit = payload.units.Find(metric);
    return unit == nullptr ? std::nullopt : std::optional<std::string_view>(*unit);
  }

  void KnownPayloadMetric(const CheckNames::Payload& payload, const std::string& metric, std::string path) {
    if (!payload.metrics || BuiltInUnit(metric)) return;  // without a list only its output tells
    const auto& all = *payload.metrics;
    if (std::find(all.begin(), all.end(), metric) != all.end()) return;
    std::string hint = DidYouMean(metric, all);
    if (all.empty()) hint = "say how they are found with `output: {parse: ...}`";
    Unknown(std::move(path),
            all.empty() ? fmt::format("the output of payload '{}' is not read for metrics", payload.name)
                        : fmt::format("payload '{}' has no metric '{}'", payload.name, metric),
            std::move(hint));
  }

  void Bound(const CheckNames::Payload& payload, const std::string& path, const std::string& metric,
             const NamedBounds& bounds) {
    KnownPayloadMetric(payload, metric, JoinPath(path, "metric"));
    const std::optional<std::string_view> unit = UnitOf(payload, metric);
    if (!unit) return;
    for (const auto& [field, bound] : bounds) CheckUnit(path, field, *bound, *unit);
  }

  const CheckNames& names_;
  Diagnostics& diagnostics_;
  std::vector<std::string> payloads_;
};

}  // namespace

void ResolveChecks(const CheckList& list, const CheckNames& names, Diagnostics& diagnostics) {
  Resolver resolver(names, diagnostics);
  for (const PlacedCheck& placed : list.checks) resolver.Resolve(placed);
  for (const PlacedPayloadChecks& placed : list.payloads) resolver.Resolve(placed);
}

}  // namespace ktstr
