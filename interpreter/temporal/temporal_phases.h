// A series cut into phases: one number a phase, and comparisons between two of them. Phases are step indices
// (0 is BASELINE) and come in their order. Samples whose phase is unknown are left out everywhere, and so are
// samples without a value.
#pragma once

#include <functional>
#include <map>

#include "interpreter/fold/payload_metrics.h"
#include "interpreter/temporal/temporal_series.h"

namespace ktstr {

/// The samples of each phase, in their order; they point into the series. Includes those without a value.
struct SamplesByPhase {
  std::map<std::uint32_t, std::vector<const Sample*>> phases;
  std::vector<const Sample*> unknown;  // without a phase
};
SamplesByPhase ByPhase(const Series& series);

/// A phase in which no sample has a value is absent.
using PhaseValues = std::map<std::uint32_t, SampleValue>;
PhaseValues FirstPerPhase(const Series& series);
PhaseValues LastPerPhase(const Series& series);
/// The last value of one phase.
std::optional<SampleValue> ValueAtPhase(const Series& series, std::uint32_t phase);

using PhaseNumbers = std::map<std::uint32_t, double>;
struct CounterDeltas {
  PhaseNumbers deltas;
  /// One line for each phase at whose end the counter was lower than at its begin. It counts as 0: the
  /// counter may have begun anew with another scheduler.
  std::vector<std::string> warnings;
};
/// Last value less first value of each phase; 0 where there is only one.
CounterDeltas CounterDeltaPerPhase(const Series& series);

/// How the values of a phase become one number.
enum class Aggregation : std::uint8_t {
  kDelta,  // of a counter: as CounterDeltaPerPhase
  kMean,
  kMax,
  kLast,
  kSum,  // of values that are deltas themselves; one that straddles a boundary counts where it was read
};
/// Values that are not finite are left out; a phase without any other is absent.
PhaseNumbers AggregateByPhase(const Series& series, Aggregation aggregation);

/// combine(a, b) for each phase that both have.
PhaseNumbers ZipPerPhase(const PhaseNumbers& a, const PhaseNumbers& b,
                         const std::function<double(double, double)>& combine);
/// a / (a + b); a phase in which both are 0 is absent, never 0.
PhaseNumbers FractionPerPhase(const PhaseNumbers& a, const PhaseNumbers& b);

// ---- comparisons of two phases; a Note says that one held

/// The last value of phase `to` divided by the last one of phase `from` is at most `most`. A phase without a
/// value, an unknown phase and a `from` of 0 are Inconclusive, numbers that are not finite Fail.
PatternResult RatioAcrossPhases(const Series& series, std::string_view from, std::string_view to,
                                double most);

/// A metric in two phases (of a run, or of two runs).
struct MetricPair {
  std::string metric;
  std::string baseline_name;
  std::string candidate_name;
  std::optional<double> baseline;
  std::optional<double> candidate;
};
/// The candidate is better: by `margin` of the baseline or more (0: not worse), or without a margin by
/// anything at all. In this order: a value missing is Inconclusive, one that is not finite Fails, a metric
/// without a better side is Inconclusive, and so is a margin on a baseline of 0.
TemporalOutcome BetterAcrossPhases(const MetricPair& pair, Polarity better, std::optional<double> margin);

}  // namespace ktstr
