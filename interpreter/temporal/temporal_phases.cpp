#include "interpreter/temporal/temporal_phases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "guest-init/base/units.h"
#include "ops/plan/quantity.h"

namespace ktstr {
namespace {

using Outcome = TemporalOutcome::Kind;

/// The finite numbers of each phase.
std::map<std::uint32_t, std::vector<double>> NumbersByPhase(const Series& series) {
  std::map<std::uint32_t, std::vector<double>> numbers;
  for (const Sample& sample : series.samples)
    if (sample.phase && sample.value && std::isfinite(Number(*sample.value)))
      numbers[*sample.phase].push_back(Number(*sample.value));
  return numbers;
}

double Sum(const std::vector<double>& numbers) {
  double sum = 0;
  for (const double number : numbers) sum += number;
  return sum;
}

/// REQUIRES: `numbers` is not empty.
double Aggregate(const std::vector<double>& numbers, Aggregation aggregation) {
  switch (aggregation) {
    case Aggregation::kDelta:
      return std::max(0.0, numbers.back() - numbers.front());
    case Aggregation::kMean:
      return Sum(numbers) / static_cast<double>(numbers.size());
    case Aggregation::kMax:
      return *std::max_element(numbers.begin(), numbers.end());
    case Aggregation::kLast:
      return numbers.back();
    case Aggregation::kSum:
      break;
  }
  return Sum(numbers);
}

/// What the values say once both are there and finite: the outcome and its reason.
TemporalOutcome Compare(const MetricPair& pair, Polarity better, std::optional<double> margin) {
  if (better == Polarity::kInfo) return {Outcome::kInconclusive, "the metric has no better side"};
  const double baseline = *pair.baseline;
  const double gain = better == Polarity::kHigher ? *pair.candidate - baseline : baseline - *pair.candidate;
  const std::string values = fmt::format("{} in {}, {} in {}", FormatDouble(*pair.candidate),
                                         pair.candidate_name, FormatDouble(baseline), pair.baseline_name);
  if (!margin) return {gain > 0 ? Outcome::kNote : Outcome::kFail, values};
  if (baseline == 0) return {Outcome::kInconclusive, "a margin on a baseline of 0 says nothing: " + values};
  // A quotient: baseline * margin would miss an exact gain by its rounding.
  const double share = gain / std::fabs(baseline);
  return {share >= *margin ? Outcome::kNote : Outcome::kFail,
          fmt::format("better by {}: {}", FormatAmount(share * 100, "%"), values)};
}

/// The last sample of a phase when it has no value, else nullptr.
const Sample* HoleAtEnd(const Series& series, std::uint32_t phase) {
  const Sample* last = nullptr;
  for (const Sample& sample : series.samples)
    if (sample.phase == phase) last = &sample;
  return last == nullptr || last->value ? nullptr : last;
}

}  // namespace

SamplesByPhase ByPhase(const Series& series) {
  SamplesByPhase by_phase;
  for (const Sample& sample : series.samples)
    (sample.phase ? by_phase.phases[*sample.phase] : by_phase.unknown).push_back(&sample);
  return by_phase;
}

PhaseValues FirstPerPhase(const Series& series) {
  PhaseValues values;
  for (const Sample& sample : series.samples)
    if (sample.phase && sample.value) values.emplace(*sample.phase, *sample.value);
  return values;
}

PhaseValues LastPerPhase(const Series& series) {
  PhaseValues values;
  for (const Sample& sample : series.samples)
    if (sample.phase && sample.value) values.insert_or_assign(*sample.phase, *sample.value);
  return values;
}

std::optional<SampleValue> ValueAtPhase(const Series& series, std::uint32_t phase) {
  const PhaseValues values = LastPerPhase(series);
  const auto at = values.find(phase);
  if (at == values.end()) return std::nullopt;
  return at->second;
}

CounterDeltas CounterDeltaPerPhase(const Series& series) {
  CounterDeltas result;
  const PhaseValues first = FirstPerPhase(series);
  for (const auto& [phase, last] : LastPerPhase(series)) {
    const long double delta = ExactNumber(last) - ExactNumber(first.at(phase));
    if (delta < 0)
      result.warnings.push_back(fmt::format("{}: the counter fell from {} to {} in {}; that counts as 0",
                                            series.label, ValueText(first.at(phase)), ValueText(last),
                                            series.PhaseName(phase)));
    result.deltas[phase] = delta < 0 ? 0 : static_cast<double>(delta);
  }
  return result;
}

PhaseNumbers AggregateByPhase(const Series& series, Aggregation aggregation) {
  PhaseNumbers result;
  for (const auto& [phase, numbers] : NumbersByPhase(series)) result[phase] = Aggregate(numbers, aggregation);
  return result;
}

PhaseNumbers ZipPerPhase(const PhaseNumbers& a, const PhaseNumbers& b,
                         const std::function<double(double, double)>& combine) {
  PhaseNumbers result;
  for (const auto& [phase, left] : a)
    if (const auto right = b.find(phase); right != b.end()) result[phase] = combine(left, right->second);
  return result;
}

PhaseNumbers FractionPerPhase(const PhaseNumbers& a, const PhaseNumbers& b) {
  PhaseNumbers result = ZipPerPhase(a, b, [](double left, double right) { return left / (left + right); });
  std::erase_if(result, [&](const auto& entry) { return a.at(entry.first) + b.at(entry.first) == 0; });
  return result;
}

PatternResult RatioAcrossPhases(const Series& series, std::string_view from, std::string_view to,
                                double most) {
  PatternResult result;
  result.subject =
      fmt::format("{} (phase_ratio {} / {}, at most {})", series.label, to, from, FormatDouble(most));
  const auto say = [&](Outcome kind, const std::string& what) {
    result.outcomes.push_back({kind, result.subject + ": " + what});
  };
  std::optional<SampleValue> values[2];
  for (const std::size_t side : {0U, 1U}) {
    const std::string_view name = side == 0 ? from : to;
    const auto phase = series.FindPhase(name);
    if (phase && HoleAtEnd(series, *phase)) {
      say(Outcome::kInconclusive, fmt::format("the last sample of phase {} has no value: {}", name,
                                              HoleAtEnd(series, *phase)->value.error().message));
      return result;
    }
    if (phase) values[side] = ValueAtPhase(series, *phase);
    if (!values[side]) say(Outcome::kInconclusive, fmt::format("no value in phase {}", name));
  }
  if (!values[0] || !values[1]) return result;
  const std::string both =
      fmt::format("{} in {}, {} in {}", ValueText(*values[1]), to, ValueText(*values[0]), from);
  if (ExactNumber(*values[0]) == 0) {
    say(Outcome::kInconclusive, "nothing to divide by: " + both);
    return result;
  }
  result.decided = 1;
  const double ratio = Number(*values[1]) / Number(*values[0]);
  if (!std::isfinite(ratio))
    say(Outcome::kFail, "the ratio is not finite: " + both);
  else
    say(ratio > most ? Outcome::kFail : Outcome::kNote,
        fmt::format("ratio {}: {}", FormatDouble(ratio), both));
  return result;
}

TemporalOutcome BetterAcrossPhases(const MetricPair& pair, Polarity better, std::optional<double> margin) {
  const auto verdict = [&]() -> TemporalOutcome {
    if (!pair.baseline || !pair.candidate)
      return {Outcome::kInconclusive,
              "no value in " + (pair.baseline ? pair.candidate_name : pair.baseline_name)};
    if (!std::isfinite(*pair.baseline) || !std::isfinite(*pair.candidate))
      return {Outcome::kFail,
              fmt::format("not a finite number: {} in {}, {} in {}", FormatDouble(*pair.candidate),
                          pair.candidate_name, FormatDouble(*pair.baseline), pair.baseline_name)};
    return Compare(pair, better, margin);
  }();
  const std::string wanted = margin ? fmt::format(" by {}", FormatAmount(*margin * 100, "%")) : "";
  return {verdict.kind, fmt::format("{} ({} better than {}{}): {}", pair.metric, pair.candidate_name,
                                    pair.baseline_name, wanted, verdict.message)};
}

}  // namespace ktstr
