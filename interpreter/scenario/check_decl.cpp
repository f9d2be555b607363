// The declaration of a check and the rules that tie its fields together.
#include "interpreter/scenario/checks.h"

namespace ktstr {
namespace {

bool HasBound(const MetricCheck& check) {
  return check.min || check.max || !check.between.empty() || check.equals;
}

void BoundRules(const MetricCheck& check, RuleSink& sink) {
  if (!check.between.empty()) {
    if (check.between.size() != 2)
      sink.Fault("between", "two numbers are wanted: [lowest, highest]");
    else if (check.between[0].SurelyMoreThan(check.between[1]))
      sink.Fault("between", "the first number is above the second");
    if (check.min || check.max) sink.Fault("between", "between already says min and max");
  }
  if (check.min && check.max && check.min->SurelyMoreThan(*check.max)) sink.Fault("min", "min is above max");
}

void RatioRules(const MetricCheck& check, RuleSink& sink) {
  const bool ratio = check.min_ratio || check.max_ratio;
  if (ratio && !check.vs_phase)
    sink.Fault(check.min_ratio ? "min_ratio" : "max_ratio",
               "a ratio needs vs_phase, the phase to compare with");
  if (!ratio && check.vs_phase) sink.Fault("vs_phase", "vs_phase needs min_ratio or max_ratio");
  if (check.min_ratio && check.max_ratio && *check.min_ratio > *check.max_ratio)
    sink.Fault("min_ratio", "min_ratio is above max_ratio");
  if (check.vs_phase && check.phase == check.vs_phase)
    sink.Fault("vs_phase", "a phase cannot be compared with itself");
}

/// What is observed has no unit; its numbers are the kernel's own.
void PlainBound(std::string_view field, const Quantity& bound, RuleSink& sink) {
  const Result<double> value = bound.In("");
  if (!value.ok()) sink.Fault(field, value.error().message);
}

/// What only a check on a metric can have.
void NoMetricFields(const MetricCheck& check, std::string_view what, RuleSink& sink) {
  const std::string message = "only a check on a metric has this, not one on " + std::string(what);
  if (check.phase) sink.Fault("phase", message);
  if (check.cgroup) sink.Fault("cgroup", message);
  if (check.vs_phase) sink.Fault("vs_phase", message);
}

void SelectorRules(const MetricCheck& check, bool wanted, RuleSink& sink) {
  const int ways = static_cast<int>(check.map.has_value()) + static_cast<int>(check.var.has_value()) +
                   static_cast<int>(!check.at.empty());
  const std::string_view first = check.map ? "map" : check.var ? "var" : "at";
  if (!wanted && ways > 0)
    return sink.Fault(first, "this goes with `snapshot`, or with `over_time` for all periodic snapshots");
  if (wanted && ways != 1)
    return sink.Fault(ways == 0 ? "" : first, "say what in the snapshot: one of map, var and at");
  if (check.key && !check.map) sink.Fault("key", "a key needs `map`");
  if (check.cpu && !check.map) sink.Fault("cpu", "a cpu needs `map`, one that has a value per CPU");
  if (check.field && !check.map && !check.var) sink.Fault("field", "a field needs `map` or `var`");
}

void ObservationRules(const MetricCheck& check, RuleSink& sink) {
  const bool series = check.over_time && !check.read;
  SelectorRules(check, check.snapshot || (series && !check.watch), sink);
  NoMetricFields(check,
                 check.snapshot ? "a snapshot"
                 : check.watch  ? "a watch"
                 : check.read   ? "a read"
                                : "a series",
                 sink);
  if (check.over_time && check.snapshot)
    sink.Fault("over_time",
               "one snapshot has no course over time; leave `snapshot` out to take all periodic ones");
  if (check.over_time && check.watch) sink.Fault("over_time", "the fires of a watch are one number");
  if (check.watch && check.equals)
    sink.Fault("equals", "the fires of a watch are a number; use min, max or between");
  if (check.over_time && HasBound(check)) sink.Fault("over_time", "over_time has bounds of its own");
  if (!check.over_time && !HasBound(check))
    sink.Fault("", "the check has no bound; give min, max, between or equals");
  BoundRules(check, sink);
  if (check.min) PlainBound("min", *check.min, sink);
  if (check.max) PlainBound("max", *check.max, sink);
  for (const Quantity& bound : check.between) PlainBound("between", bound, sink);
}

void CheckRules(const void* object, RuleSink& sink) {
  const auto& check = *static_cast<const MetricCheck*>(object);
  const int subjects = static_cast<int>(!check.metric.empty()) +
                       static_cast<int>(check.snapshot.has_value()) +
                       static_cast<int>(check.read.has_value()) + static_cast<int>(check.watch.has_value());
  if (subjects > 1 || (subjects == 0 && !check.over_time))
    return sink.Fault("", "say what is checked: one of metric, snapshot, read, watch, and over_time");
  if (check.OfObservation()) return ObservationRules(check, sink);
  if (check.over_time)
    sink.Fault("over_time", "a metric is one number; over_time is about reads and snapshots");
  if (check.equals) sink.Fault("equals", "a metric is a number; use min, max or between");
  SelectorRules(check, false, sink);
  const bool ratio = check.min_ratio || check.max_ratio;
  if (!ratio && !check.min && !check.max && check.between.empty())
    sink.Fault("metric", "the check has no bound; give min, max, between, min_ratio or max_ratio");
  BoundRules(check, sink);
  RatioRules(check, sink);
}

}  // namespace

const StructDecl& MetricCheck::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&MetricCheck::metric>(
          "metric", "A metric is checked; `payload.<name>.<metric>` for a payload's.", {}, Refers::kMetric),
      Optional<&MetricCheck::snapshot>("snapshot", "Something in the snapshot of this tag is checked.", {},
                                       Refers::kTag),
      Optional<&MetricCheck::read>(
          "read", "The last value read under this tag is checked; with over_time all.", {}, Refers::kTag),
      Optional<&MetricCheck::watch>("watch", "The number of fires of this watch is checked.", {},
                                    Refers::kTag),
      Optional<&MetricCheck::over_time>(
          "over_time",
          "How the values of all periodic snapshots, or of all reads of one tag, must follow each other."),
      Optional<&MetricCheck::map>("map", "Which BPF map in the snapshot, by name."),
      Optional<&MetricCheck::var>("var", "Which global variable of a BPF object in the snapshot, by name."),
      Optional<&MetricCheck::key>("key", "Which entry of the map: `3`, `pid=7,cpu=1`, or `hex:0700..`."),
      Optional<&MetricCheck::cpu>("cpu",
                                  "Whose value of a per-CPU map; without it the map must have one value."),
      Optional<&MetricCheck::field>("field", "Which member of the value: `a.b[2]`; pointers are followed."),
      Optional<&MetricCheck::at>(
          "at", "What else in the snapshot: `run_queues[0].nr_running`, `tasks[comm=spin].policy`."),
      Optional<&MetricCheck::equals>(
          "equals", "The value in words or digits, exactly: an enumerator, `true`, `0-3`, 17."),
      Optional<&MetricCheck::phase>(
          "phase",
          "The step it is measured in; without one the step the check stands in, else the whole run.", {},
          Refers::kPhase),
      Optional<&MetricCheck::cgroup>(
          "cgroup", "The cgroup it is measured in; without one every cgroup with data must hold.", {},
          Refers::kCgroup),
      Optional<&MetricCheck::min>("min", "The smallest value allowed."),
      Optional<&MetricCheck::max>("max", "The largest value allowed."),
      Optional<&MetricCheck::between>("between", "Both at once: [smallest, largest]."),
      Optional<&MetricCheck::vs_phase>("vs_phase", "The phase that min_ratio and max_ratio compare with.", {},
                                       Refers::kPhase),
      Optional<&MetricCheck::min_ratio>(
          "min_ratio", "The smallest value allowed for the value divided by the one of vs_phase.",
          AtLeast(0)),
      Optional<&MetricCheck::max_ratio>(
          "max_ratio", "The largest value allowed for the value divided by the one of vs_phase.", AtLeast(0)),
      Optional<&MetricCheck::because>("because", "The reason, repeated when the check fails."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl =
        DeclareStruct<MetricCheck>("MetricCheck", "A bound on a number; bounds are inclusive.", kFields);
    decl.rules = &CheckRules;
    return decl;
  }();
  return kDecl;
}

}  // namespace ktstr
