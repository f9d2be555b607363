#include "interpreter/scenario/checks/observed_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ktstr {
namespace {

/// As the value it is compared with is written: 200000000, not 2e+08.
std::string BoundText(const Quantity& bound) {
  const auto* number = std::get_if<double>(&bound.value);
  const bool whole = number != nullptr && *number == std::floor(*number) && std::fabs(*number) < 1e15;
  return whole ? fmt::format("{:.0f}", *number) : FormatQuantity(bound);
}

CheckResult Give(Verdict verdict, const ObservedValue& seen, std::string message) {
  CheckResult result;
  result.verdict = verdict;
  result.check = seen.title;
  result.phase = seen.phase;
  result.message = std::move(message);
  return result;
}

/// How a number fares against its bounds, one after another.
struct Held {
  Verdict verdict = Verdict::kPass;
  std::string broken;  // ", above the maximum of 4"
  std::optional<double> bound;

  void Against(const Quantity& quantity, bool is_max, const ObservedValue& seen) {
    const Result<double> value = quantity.In("");
    if (!value.ok()) {
      verdict = Verdict::kError;
      broken = ", and its bound makes no sense: " + value.error().message;
      return;
    }
    const bool out = is_max ? *seen.number > *value : *seen.number < *value;
    if (!bound || out) bound = *value;
    if (!out || verdict != Verdict::kPass) return;
    // A count that is a lower bound can break a maximum, but says nothing about a minimum it is below of.
    verdict = seen.at_least && !is_max ? Verdict::kInconclusive : Verdict::kFail;
    broken = fmt::format(", {} the {} of {}", is_max ? "above" : "below", is_max ? "maximum" : "minimum",
                         BoundText(quantity));
  }
};

CheckResult JudgeNumber(const ObservedValue& seen, const BoundsView& bounds) {
  if (!seen.number)
    return Give(Verdict::kError, seen, fmt::format("{} is {}, which is not a number", seen.title, seen.text));
  Held held;
  if (bounds.min) held.Against(*bounds.min, false, seen);
  if (bounds.max) held.Against(*bounds.max, true, seen);
  for (std::size_t i = 0; i < bounds.between.size(); ++i) held.Against(bounds.between[i], i == 1, seen);
  // Likewise, that it is within a maximum cannot be known.
  const bool has_max = bounds.max || !bounds.between.empty();
  if (held.verdict == Verdict::kPass && seen.at_least && has_max) {
    held.verdict = Verdict::kInconclusive;
    held.broken = ", and more may have been missed";
  }
  CheckResult result =
      Give(held.verdict, seen,
           fmt::format("{} is {}{}{}", seen.title, seen.at_least ? "at least " : "", seen.text, held.broken));
  result.value = static_cast<double>(*seen.number);
  result.bound = held.bound;
  return result;
}

/// Of the step whose checks the check stands in, if it stands in one.
void KeepPhase(const RunFacts& run, Series& series) {
  if (run.step.empty()) return;
  const auto is_step = [&](const PhaseWindow& phase) { return phase.name == run.step; };
  const auto phase = std::find_if(run.record.phases.begin(), run.record.phases.end(), is_step);
  std::erase_if(series.samples, [&](const Sample& sample) {
    return phase == run.record.phases.end() || sample.phase != phase->index;
  });
  series.label += " in phase " + std::string(run.step);
  if (phase == run.record.phases.end()) return;
  const auto origin = static_cast<double>(run.observed.origin_ns);
  const double begin_ms = std::round((static_cast<double>(phase->start_ns) - origin) / 1e6);
  for (Sample& sample : series.samples)
    if (sample.elapsed_ms) *sample.elapsed_ms -= begin_ms;
}

}  // namespace

void ObservedBoundRules(const BoundsView& bounds, bool equals, RuleSink& sink) {
  if (!bounds.any() && !equals) sink.Diagnose("", "the check has no bound; give min, max, between or equals");
  BoundRules(bounds, sink);
  PlainBoundRules(bounds, sink);
}

CheckResult JudgeObserved(const ObservedValue& seen, const BoundsView& bounds,
                          const std::optional<PlainText>& equals) {
  if (!seen.fault.empty()) return Give(seen.verdict, seen, seen.fault);
  if (!equals) return JudgeNumber(seen, bounds);
  const bool same = seen.text == equals->text || seen.bare_text == equals->text;
  return Give(
      same ? Verdict::kPass : Verdict::kFail, seen,
      fmt::format("{} is {}{}", seen.title, seen.text, same ? "" : fmt::format(", not {}", equals->text)));
}

CheckResult JudgeSeries(Series series, const TemporalPattern& pattern, const RunFacts& run) {
  if (!pattern.phase_ratio) KeepPhase(run, series);
  TemporalVerdict verdict = JudgeTemporal(series, pattern);
  CheckResult result;
  result.verdict = verdict.verdict;
  result.check = series.label;
  result.message = std::move(verdict.message);
  result.detail = std::move(verdict.detail);
  result.phase = run.step;
  return result;
}

void ResolvePattern(const TemporalPattern& pattern, CheckSite& site) {
  if (!pattern.phase_ratio) return;
  site.Known("over_time/phase_ratio/from", Refers::kPhase, "phase", pattern.phase_ratio->from,
             site.names().phases);
  site.Known("over_time/phase_ratio/to", Refers::kPhase, "phase", pattern.phase_ratio->to,
             site.names().phases);
}

std::vector<std::string> PhaseNames(const RunRecord& record) {
  std::vector<std::string> names;
  for (const PhaseWindow& phase : record.phases) {
    names.resize(std::max<std::size_t>(names.size(), phase.index + 1));
    names[phase.index] = phase.name;
  }
  return names;
}

}  // namespace ktstr
