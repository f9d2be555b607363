// Short ways to write a series for the tests of temporal checks.
#pragma once

#include <limits>

#include "interpreter/temporal/temporal_series.h"

namespace ktstr::samples {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();

inline SampleValue U(std::uint64_t value) { return value; }
inline SampleValue I(std::int64_t value) { return value; }
inline SampleValue D(double value) { return value; }
inline SampleValue B(bool value) { return value; }
inline Error Bad(std::string message) { return {ErrorKind::kInput, std::move(message)}; }

/// A series named "x" of samples s0, s1, ... taken every 100 ms from 100 ms on.
inline Series Of(std::vector<Result<SampleValue>> values) {
  Series series{"x", {}, {}};
  for (std::size_t i = 0; i < values.size(); ++i)
    series.samples.push_back(
        {"s" + std::to_string(i), 100.0 * static_cast<double>(i + 1), std::move(values[i]), {}});
  return series;
}
/// The same with these times; -1 is not measured.
inline Series At(const std::vector<double>& times, std::vector<Result<SampleValue>> values) {
  Series series = Of(std::move(values));
  for (std::size_t i = 0; i < times.size(); ++i) {
    series.samples[i].elapsed_ms = times[i];
    if (times[i] < 0) series.samples[i].elapsed_ms.reset();
  }
  return series;
}
/// With these phases; -1 is none.
inline Series In(const std::vector<int>& phases, std::vector<Result<SampleValue>> values) {
  Series series = Of(std::move(values));
  series.phase_names = {"BASELINE", "warm", "shrink"};
  for (std::size_t i = 0; i < phases.size(); ++i)
    if (phases[i] >= 0) series.samples[i].phase = static_cast<std::uint32_t>(phases[i]);
  return series;
}

/// "FAIL <message>", "INCONCLUSIVE <message>", "NOTE <message>".
inline std::string Line(const TemporalOutcome& outcome) {
  switch (outcome.kind) {
    case TemporalOutcome::Kind::kFail:
      return "FAIL " + outcome.message;
    case TemporalOutcome::Kind::kInconclusive:
      return "INCONCLUSIVE " + outcome.message;
    case TemporalOutcome::Kind::kNote:
      break;
  }
  return "NOTE " + outcome.message;
}
inline std::vector<std::string> Lines(const PatternResult& result) {
  std::vector<std::string> lines;
  for (const TemporalOutcome& outcome : result.outcomes) lines.push_back(Line(outcome));
  return lines;
}

}  // namespace ktstr::samples
