// A temporal check as authors write it: one of the patterns, with its parameters; and the verdict it comes
// to.
//
// Units: a rate is per second, times are guest time since the run's start, other numbers are in the unit of
// the value that is followed.
//
// Nothing passes silently: a pattern is INCONCLUSIVE when fewer than two samples have a value, or when no
// comparison could be made with those that do (nothing after the warmup, no two adjacent ones, ...).
#pragma once

#include <optional>
#include <string>

#include "guest-init/base/decl.h"
#include "guest-init/base/units.h"
#include "interpreter/fold/verdict.h"
#include "interpreter/temporal/temporal_patterns.h"

namespace ktstr {

/// Inclusive; at least one of the two is given.
struct RateBounds {
  std::optional<double> min;  // per second
  std::optional<double> max;
  static const StructDecl& Decl();
};
struct EachBounds {
  std::optional<double> min;
  std::optional<double> max;
  static const StructDecl& Decl();
};
struct SteadySpec {
  Duration warmup;
  Percent tolerance;
  static const StructDecl& Decl();
};
struct ConvergeSpec {
  double target = 0;
  double tolerance = 0;
  Duration deadline;
  static const StructDecl& Decl();
};
struct PhaseRatioSpec {
  std::string from;
  std::string to;
  double max = 0;
  static const StructDecl& Decl();
};

/// Exactly one is given; those that take no parameters are never false.
struct TemporalPattern {
  std::optional<bool> nondecreasing = {};
  std::optional<bool> strictly_increasing = {};
  std::optional<RateBounds> rate_within = {};
  std::optional<SteadySpec> steady_within = {};
  std::optional<ConvergeSpec> converges_to = {};
  std::optional<bool> always_true = {};
  std::optional<EachBounds> each = {};
  std::optional<PhaseRatioSpec> phase_ratio = {};
  static const StructDecl& Decl();
};

struct TemporalVerdict {
  Verdict verdict = Verdict::kPass;  // kPass, kInconclusive or kFail
  std::string
      message;  // one line; of a FAIL the first sample that broke the pattern, of a PASS what was compared
  std::string detail;  // the other outcomes, one per line: more failures, samples that were left out
};

/// FAIL over INCONCLUSIVE over PASS, except that a series in which no sample at all has a value is
/// INCONCLUSIVE, also where a single sample without a value would be a FAIL: then nothing was seen of the
/// guest, rather than something wrong. A phase_ratio wants the series' phase_names. REQUIRES:
/// TemporalPatternRules finds no fault.
TemporalVerdict JudgeTemporal(const Series& series, const TemporalPattern& pattern);

/// The same for what a pattern found already; for RatioWithin, which takes two series.
TemporalVerdict JudgePattern(const Series& series, const PatternResult& result);

}  // namespace ktstr
