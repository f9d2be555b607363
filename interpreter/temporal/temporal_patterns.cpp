#include "interpreter/temporal/temporal_patterns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "guest-init/base/units.h"
#include "ops/plan/quantity.h"

namespace ktstr {
namespace {

constexpr std::size_t kRunToConverge = 3;

/// Collects what one pattern says of one series; every message begins with the series and the pattern.
class Findings {
 public:
  Findings(const Series& series, std::string_view pattern) {
    result_.subject = fmt::format("{} ({})", series.label, pattern);
  }

  void Fail(const std::string& what) { Add(TemporalOutcome::Kind::kFail, what); }
  void Inconclusive(const std::string& what) { Add(TemporalOutcome::Kind::kInconclusive, what); }
  void Note(const std::string& what) { Add(TemporalOutcome::Kind::kNote, what); }
  /// What could not be looked at leaves the verdict open. Nothing when `names` is empty; else "<count>
  /// <what>: a; b".
  void LeftOut(std::string_view one, std::string_view several, const std::vector<std::string>& names) {
    if (names.empty()) return;
    Inconclusive(
        fmt::format("{} {}: {}", names.size(), names.size() == 1 ? one : several, fmt::join(names, "; ")));
  }
  void Skipped(const std::vector<std::string>& names) {
    LeftOut("sample without a value was left out", "samples without a value were left out", names);
  }
  void Proven() { result_.proven = true; }
  void Decided(std::size_t count = 1) { result_.decided += count; }
  PatternResult Take() { return std::move(result_); }

 private:
  void Add(TemporalOutcome::Kind kind, const std::string& what) {
    result_.outcomes.push_back({kind, result_.subject + ": " + what});
  }

  PatternResult result_;
};

/// "periodic_001 (+200ms): map not found". REQUIRES: it has no value.
std::string ErrorOf(const Sample& sample) {
  return fmt::format("{}: {}", SampleName(sample), sample.value.error().message);
}

std::vector<std::string> ErrorsOf(const Series& series) {
  std::vector<std::string> errors;
  for (const Sample& sample : series.samples)
    if (!sample.value) errors.push_back(ErrorOf(sample));
  return errors;
}

/// "periodic_002 (+300ms): 41 after 42 at periodic_001 (+200ms)".
std::string PairText(const Sample& left, const Sample& right) {
  return fmt::format("{}: {} after {} at {}", SampleName(right), ValueText(*right.value),
                     ValueText(*left.value), SampleName(left));
}

bool Inside(ValueRange range, double value) { return range.lo <= value && value <= range.hi; }

/// Short, unless that would look as if it were inside.
std::string OutsideText(double value, ValueRange range) {
  std::string text = FormatAmount(value, "");
  double shown = 0;
  return ParseDouble(text, shown) && !Inside(range, shown) ? text : FormatDouble(value);
}

/// A wrong range is reported; then there is nothing more to do.
bool RangeIsWrong(ValueRange range, Findings& findings) {
  if (range.lo <= range.hi) return false;
  findings.Fail("the lower bound is above the upper one");
  return true;
}
bool ToleranceIsWrong(double tolerance, Findings& findings) {
  if (tolerance >= 0) return false;
  findings.Fail("the tolerance is below 0");
  return true;
}

std::string CountText(std::size_t count) { return fmt::format("{} sample{}", count, count == 1 ? "" : "s"); }

enum class Pairs { kAdjacent, kAcrossHoles };

/// Calls `judge` with each pair of samples that follow each other and have a value; kAcrossHoles also with
/// those that only samples without a value stand between. The latter leave the verdict open.
template <typename F>
void ForEachPair(const Series& series, Pairs pairs, Findings& findings, F judge) {
  if (series.samples.size() < 2)
    return findings.Note(CountText(series.samples.size()) + "; at least 2 are needed");
  const Sample* last = nullptr;
  for (const Sample& sample : series.samples) {
    if (!sample.value) {
      if (pairs == Pairs::kAdjacent) last = nullptr;
      continue;
    }
    if (last != nullptr) judge(*last, sample);
    last = &sample;
  }
  findings.Skipped(ErrorsOf(series));
}

PatternResult Ordered(const Series& series, std::string_view pattern, std::string_view broken, bool strict) {
  Findings findings(series, pattern);
  ForEachPair(series, Pairs::kAcrossHoles, findings, [&](const Sample& left, const Sample& right) {
    findings.Decided();
    const long double before = ExactNumber(*left.value), after = ExactNumber(*right.value);
    if (strict ? after > before : after >= before) return;  // false for a NaN
    const bool comparable = !std::isnan(before) && !std::isnan(after);
    findings.Fail(
        fmt::format("{} at sample {}", comparable ? broken : "not comparable", PairText(left, right)));
  });
  return findings.Take();
}

}  // namespace

std::string RangeText(ValueRange range) {
  if (std::isinf(range.lo) && range.lo < 0) return "at most " + FormatDouble(range.hi);
  if (std::isinf(range.hi) && range.hi > 0) return "at least " + FormatDouble(range.lo);
  return FormatDouble(range.lo) + ".." + FormatDouble(range.hi);
}

PatternResult Nondecreasing(const Series& series) { return Ordered(series, "nondecreasing", "fell", false); }
PatternResult StrictlyIncreasing(const Series& series) {
  return Ordered(series, "strictly_increasing", "did not rise", true);
}

PatternResult RateWithin(const Series& series, ValueRange per_second) {
  Findings findings(series, fmt::format("rate_within {}/s", RangeText(per_second)));
  if (RangeIsWrong(per_second, findings)) return findings.Take();
  std::vector<std::string> unmeasured;
  ForEachPair(series, Pairs::kAdjacent, findings, [&](const Sample& left, const Sample& right) {
    if (!left.elapsed_ms || !right.elapsed_ms) {
      unmeasured.push_back(SampleName(left) + " to " + SampleName(right));
      return;
    }
    const double passed_ms = *right.elapsed_ms - *left.elapsed_ms;
    if (!(passed_ms > 0))
      return findings.Inconclusive("no time passed before sample " + PairText(left, right));
    findings.Decided();
    const double rate =
        static_cast<double>(ExactNumber(*right.value) - ExactNumber(*left.value)) * 1000 / passed_ms;
    if (!std::isfinite(rate))
      findings.Fail("the rate is not finite at sample " + PairText(left, right));
    else if (!Inside(per_second, rate))
      findings.Fail(fmt::format("{}/s at sample {}", OutsideText(rate, per_second), PairText(left, right)));
  });
  findings.LeftOut("pair without measured times was left out", "pairs without measured times were left out",
                   unmeasured);
  return findings.Take();
}

PatternResult SteadyWithin(const Series& series, double warmup_ms, double tolerance) {
  Findings findings(series, fmt::format("steady_within {} after {}ms", FormatAmount(tolerance * 100, "%"),
                                        FormatAmount(warmup_ms, "")));
  if (ToleranceIsWrong(tolerance, findings)) return findings.Take();
  std::vector<const Sample*> judged;
  std::vector<std::string> errors, unmeasured, corrupt;
  double sum = 0;
  for (const Sample& sample : series.samples) {
    if (!sample.elapsed_ms) {
      unmeasured.push_back(sample.value ? SampleName(sample) : ErrorOf(sample));
    } else if (*sample.elapsed_ms >= warmup_ms) {
      if (!sample.value) {
        errors.push_back(ErrorOf(sample));
      } else if (!std::isfinite(Number(*sample.value))) {
        corrupt.push_back(fmt::format("{}: {}", SampleName(sample), ValueText(*sample.value)));
      } else {
        judged.push_back(&sample);
        sum += Number(*sample.value);
      }
    }
  }
  const double mean = judged.empty() ? 0 : sum / static_cast<double>(judged.size());
  ValueRange band{mean * (1 - tolerance), mean * (1 + tolerance)};
  if (band.lo > band.hi) std::swap(band.lo, band.hi);  // of a negative mean
  for (const Sample* sample : judged)
    if (const double value = Number(*sample->value); !Inside(band, value))
      findings.Fail(fmt::format("outside {}..{} at sample {}: {}; the mean of {} is {}",
                                FormatAmount(band.lo, ""), FormatAmount(band.hi, ""), SampleName(*sample),
                                OutsideText(value, band), CountText(judged.size()), FormatAmount(mean, "")));
  if (judged.size() >= 2) findings.Decided(judged.size());
  if (judged.size() == 1) findings.Note("only 1 sample after the warmup, which is its own mean");
  if (judged.empty() && errors.empty() && corrupt.empty()) findings.Note("no sample after the warmup");
  findings.Skipped(errors);
  findings.LeftOut("sample without a measured time was left out",
                   "samples without a measured time were left out", unmeasured);
  findings.LeftOut("sample that is no finite number was left out",
                   "samples that are no finite numbers were left out", corrupt);
  return findings.Take();
}

namespace {

/// Whether enough samples in a row would be in the band if those of which it is not known were.
bool MayHaveConverged(const Series& series, ValueRange band, double deadline_ms) {
  std::size_t run = 0;
  for (const Sample& sample : series.samples) {
    const bool in_time = !sample.elapsed_ms || *sample.elapsed_ms <= deadline_ms;
    run = in_time && (!sample.value || Inside(band, Number(*sample.value))) ? run + 1 : 0;
    if (run >= kRunToConverge) return true;
  }
  return false;
}

}  // namespace

PatternResult ConvergesTo(const Series& series, double target, double tolerance, double deadline_ms) {
  Findings findings(series, fmt::format("converges_to {} +-{} by {}ms", FormatDouble(target),
                                        FormatDouble(tolerance), FormatAmount(deadline_ms, "")));
  if (ToleranceIsWrong(tolerance, findings)) return findings.Take();
  const ValueRange band{target - tolerance, target + tolerance};
  std::size_t values = 0, run = 0;
  const Sample* last = nullptr;  // by the deadline
  std::vector<std::string> broken;
  for (const Sample& sample : series.samples) {
    const bool in_time = sample.elapsed_ms && *sample.elapsed_ms <= deadline_ms;
    if (in_time && sample.value) {
      ++values;
      last = &sample;
    }
    if (in_time && sample.value && Inside(band, Number(*sample.value))) {
      if (++run < kRunToConverge) continue;
      findings.Decided(values);
      findings.Proven();
      return findings.Take();
    }
    if (run > 0 && !sample.value) broken.push_back(ErrorOf(sample));
    run = 0;
  }
  if (values < kRunToConverge) {
    findings.Note(fmt::format("{} with a value by the deadline; at least {} are needed", CountText(values),
                              kRunToConverge));
    return findings.Take();
  }
  findings.Decided(values);
  const std::string found = fmt::format(
      "no {} samples in a row within {}..{} by the deadline, of {}; the last by then was {} at {}{}",
      kRunToConverge, FormatAmount(band.lo, ""), FormatAmount(band.hi, ""), CountText(series.samples.size()),
      ValueText(*last->value), SampleName(*last),
      broken.empty() ? "" : fmt::format("; interrupted by {}", fmt::join(broken, "; ")));
  if (series.lost > 0 || MayHaveConverged(series, band, deadline_ms))
    findings.Inconclusive(found);
  else
    findings.Fail(found);
  return findings.Take();
}

PatternResult AlwaysTrue(const Series& series) {
  Findings findings(series, "always_true");
  for (const Sample& sample : series.samples) {
    if (!sample.value) continue;
    findings.Decided();
    if (std::holds_alternative<double>(*sample.value))
      findings.Fail(fmt::format("{} at sample {} is neither true nor false", ValueText(*sample.value),
                                SampleName(sample)));
    else if (ExactNumber(*sample.value) == 0)
      findings.Fail(fmt::format("{} at sample {}", ValueText(*sample.value), SampleName(sample)));
  }
  findings.Skipped(ErrorsOf(series));
  return findings.Take();
}

PatternResult RatioWithin(const Series& series, const Series& other, ValueRange range) {
  Findings findings(series, fmt::format("ratio_within {} of {}", RangeText(range), other.label));
  if (RangeIsWrong(range, findings)) return findings.Take();
  if (series.samples.size() != other.samples.size()) {
    findings.Fail(fmt::format("{} cannot be divided by {}", CountText(series.samples.size()),
                              CountText(other.samples.size())));
    return findings.Take();
  }
  std::vector<std::string> gaps;
  for (std::size_t i = 0; i < series.samples.size(); ++i) {
    const Sample& left = series.samples[i];
    const Sample& right = other.samples[i];
    if (!left.value || !right.value) {
      gaps.push_back(fmt::format("{}: {}{}{}", SampleName(left),
                                 left.value ? "" : "left side: " + left.value.error().message,
                                 left.value || right.value ? "" : ", ",
                                 right.value ? "" : "right side: " + right.value.error().message));
      continue;
    }
    const std::string where =
        fmt::format("sample {}: {} / {}", SampleName(left), ValueText(*left.value), ValueText(*right.value));
    if (ExactNumber(*right.value) == 0) {
      findings.Inconclusive("nothing to divide by at " + where);
      continue;
    }
    findings.Decided();
    const double ratio = Number(*left.value) / Number(*right.value);
    if (!std::isfinite(ratio))
      findings.Fail("the ratio is not finite at " + where);
    else if (!Inside(range, ratio))
      findings.Fail(fmt::format("ratio {} at {}", OutsideText(ratio, range), where));
  }
  findings.LeftOut("index without both values was left out", "indices without both values were left out",
                   gaps);
  return findings.Take();
}

PatternResult Each(const Series& series, ValueRange range) {
  Findings findings(series, "each " + RangeText(range));
  if (RangeIsWrong(range, findings)) return findings.Take();
  for (const Sample& sample : series.samples) {
    if (!sample.value) continue;
    findings.Decided();
    const long double value = ExactNumber(*sample.value);
    if (value >= range.lo && value <= range.hi) continue;
    findings.Fail(fmt::format("{} at sample {}{}", ValueText(*sample.value), SampleName(sample),
                              std::isnan(value) ? " cannot be compared" : ""));
  }
  findings.Skipped(ErrorsOf(series));
  return findings.Take();
}

}  // namespace ktstr
