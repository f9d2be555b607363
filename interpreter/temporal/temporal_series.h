// One value followed over the samples of a run (a variable of the scheduler over the periodic captures, say),
// and what a look at it comes to. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "guest-init/base/result.h"

namespace ktstr {

/// What was read from one sample. Counters stay integers, so that none is rounded before it is compared.
using SampleValue = std::variant<bool, std::int64_t, std::uint64_t, double>;

/// The value as a number without loss (a bool is 0 or 1), so that values of different types can be compared.
long double ExactNumber(const SampleValue& value);
/// The same, rounded to a double.
double Number(const SampleValue& value);
/// "true", "-3", "0.25", "nan".
std::string ValueText(const SampleValue& value);

struct Sample {
  std::string tag;                   // of the capture: "periodic_002"
  std::optional<double> elapsed_ms;  // guest time since the run's start; none: not measured (never 0)
  Result<SampleValue> value = Error{ErrorKind::kInput, "not read"};  // or why it could not be read
  std::optional<std::uint32_t> phase;  // step index, 0 is BASELINE; none: unknown
};

/// "periodic_002 (+1500ms)"; "periodic_002 (+?ms)" when the time was not measured.
std::string SampleName(const Sample& sample);

struct Series {
  std::string label;                     // names the value in messages
  std::vector<Sample> samples;           // in the order they were taken
  std::vector<std::string> phase_names;  // by step index; may be empty
  /// Samples that should be in the series and are not: never taken, or not kept. Where is not known.
  std::size_t lost = 0;

  /// Samples that have a value.
  [[nodiscard]] std::size_t CountValues() const;
  /// "shrink"; "phase 2" when it has no name.
  [[nodiscard]] std::string PhaseName(std::uint32_t phase) const;
  /// The step index of a name; nothing when there is none of it.
  [[nodiscard]] std::optional<std::uint32_t> FindPhase(std::string_view name) const;
};

/// What a look at a series found. Fail and Inconclusive decide a verdict; a Note never does.
struct TemporalOutcome {
  enum class Kind : std::uint8_t { kFail, kInconclusive, kNote };
  Kind kind = Kind::kNote;
  /// One line: label (pattern and parameters): what, at which sample, its values.
  std::string message;
};

struct PatternResult {
  std::string subject;                    // what the messages begin with: "x (nondecreasing)"
  std::vector<TemporalOutcome> outcomes;  // in the order of the samples, notes last
  /// The comparisons (pairs, samples, indices) that could be made; 0 says that the pattern holds only because
  /// there was nothing to hold it against.
  std::size_t decided = 0;
  /// The values that are there prove that it holds, whatever the missing ones were.
  bool proven = false;

  [[nodiscard]] std::size_t Count(TemporalOutcome::Kind kind) const;
};

}  // namespace ktstr
