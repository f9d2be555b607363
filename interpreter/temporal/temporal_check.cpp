#include "interpreter/temporal/temporal_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "interpreter/temporal/temporal_phases.h"

namespace ktstr {
namespace {

template <typename Bounds>
void BoundsRules(const void* object, RuleSink& sink) {
  const auto& bounds = *static_cast<const Bounds*>(object);
  if (!bounds.min && !bounds.max) sink.Diagnose("", "there is no bound; give min, max or both");
  if (bounds.min && bounds.max && *bounds.min > *bounds.max) sink.Diagnose("min", "min is above max");
}

void PhaseRatioRules(const void* object, RuleSink& sink) {
  const auto& ratio = *static_cast<const PhaseRatioSpec*>(object);
  if (ratio.from == ratio.to) sink.Diagnose("to", "a phase cannot be compared with itself");
}

void PatternRules(const void* object, RuleSink& sink) {
  const auto& pattern = *static_cast<const TemporalPattern*>(object);
  const auto refuse_false = [&](std::string_view field, const std::optional<bool>& value) {
    if (value == false) sink.Diagnose(field, "write true, or leave it out");
  };
  refuse_false("nondecreasing", pattern.nondecreasing);
  refuse_false("strictly_increasing", pattern.strictly_increasing);
  refuse_false("always_true", pattern.always_true);
}

template <typename Bounds>
ValueRange RangeOf(const Bounds& bounds) {
  constexpr double kOpen = std::numeric_limits<double>::infinity();
  return {bounds.min.value_or(-kOpen), bounds.max.value_or(kOpen)};
}

double Ms(Duration duration) { return static_cast<double>(duration.ns) / 1e6; }

PatternResult Look(const Series& series, const TemporalPattern& pattern) {
  if (pattern.nondecreasing) return Nondecreasing(series);
  if (pattern.strictly_increasing) return StrictlyIncreasing(series);
  if (pattern.rate_within) return RateWithin(series, RangeOf(*pattern.rate_within));
  if (pattern.steady_within)
    return SteadyWithin(series, Ms(pattern.steady_within->warmup), pattern.steady_within->tolerance.fraction);
  if (pattern.converges_to)
    return ConvergesTo(series, pattern.converges_to->target, pattern.converges_to->tolerance,
                       Ms(pattern.converges_to->deadline));
  if (pattern.always_true) return AlwaysTrue(series);
  if (pattern.each) return Each(series, RangeOf(*pattern.each));
  if (pattern.phase_ratio)
    return RatioAcrossPhases(series, pattern.phase_ratio->from, pattern.phase_ratio->to,
                             pattern.phase_ratio->max);
  return {series.label + " (no pattern)", {}, 0};
}

/// What a series and what was found in it come to, and the kind of outcome that says why, if one does.
TemporalVerdict Conclude(const Series& series, const PatternResult& result) {
  const auto has = [&](TemporalOutcome::Kind kind) { return result.Count(kind) > 0; };
  const std::size_t values = series.CountValues();
  const std::size_t samples = series.samples.size();
  const auto inconclusive = [&](const std::string& why) {
    return TemporalVerdict{Verdict::kInconclusive, result.subject + ": " + why, ""};
  };
  if (samples == 0) return inconclusive("there is no sample");
  if (values == 0) {
    const Sample& first = series.samples.front();
    return inconclusive(fmt::format("none of {} sample{} has a value, the first one because: {}", samples,
                                    samples == 1 ? "" : "s", first.value.error().message));
  }
  if (has(TemporalOutcome::Kind::kFail)) return {Verdict::kFail, "", ""};
  if (values < 2)
    return inconclusive(fmt::format("only 1 of {} has a value; at least 2 are needed",
                                    samples == 1 ? "1 sample" : fmt::format("{} samples", samples)));
  if (has(TemporalOutcome::Kind::kInconclusive)) return {Verdict::kInconclusive, "", ""};
  if (series.lost > 0 && !result.proven)
    return inconclusive(fmt::format("{} of {} samples {} missing", series.lost, samples + series.lost,
                                    series.lost == 1 ? "is" : "are"));
  if (result.decided == 0)
    return has(TemporalOutcome::Kind::kNote) ? TemporalVerdict{Verdict::kInconclusive, "", ""}
                                             : inconclusive("there is nothing to compare");
  return {Verdict::kPass,
          fmt::format("{}: held in {} comparison{}", result.subject, result.decided,
                      result.decided == 1 ? "" : "s"),
          ""};
}

}  // namespace

const StructDecl& RateBounds::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&RateBounds::min>("min", "The smallest change per second allowed; may be negative.",
                                 Unit("1/s")),
      Optional<&RateBounds::max>("max", "The largest change per second allowed.", Unit("1/s")),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<RateBounds>(
        "RateBounds", "Bounds on the change per second; inclusive, at least one of the two.", kFields);
    decl.rules = &BoundsRules<RateBounds>;
    return decl;
  }();
  return kDecl;
}

const StructDecl& EachBounds::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&EachBounds::min>("min", "The smallest value allowed."),
      Optional<&EachBounds::max>("max", "The largest value allowed."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<EachBounds>(
        "EachBounds", "Bounds for each sample; inclusive, at least one of the two.", kFields);
    decl.rules = &BoundsRules<EachBounds>;
    return decl;
  }();
  return kDecl;
}

const StructDecl& SteadySpec::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&SteadySpec::warmup>("warmup", "Samples taken earlier than this in the run do not count."),
      Required<&SteadySpec::tolerance>("tolerance",
                                       "How far from the mean a sample may be, as a share of it."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<SteadySpec>("SteadyWithin", "Near the mean of the samples after a warmup.", kFields);
  return kDecl;
}

const StructDecl& ConvergeSpec::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&ConvergeSpec::target>("target", "The value it should come to."),
      Required<&ConvergeSpec::tolerance>(
          "tolerance", "How far from the target a sample may be, in its own unit.", AtLeast(0)),
      Required<&ConvergeSpec::deadline>(
          "deadline",
          "When the third sample in a row must be there: since the run's start, or since that of "
          "the step whose check it is."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<ConvergeSpec>("ConvergesTo", "Three samples in a row near a target, in time.", kFields);
  return kDecl;
}

const StructDecl& PhaseRatioSpec::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PhaseRatioSpec::from>("from", "The earlier phase, by whose value is divided.", {},
                                      Refers::kPhase),
      Required<&PhaseRatioSpec::to>("to", "The later phase, whose value is divided.", {}, Refers::kPhase),
      Required<&PhaseRatioSpec::max>("max", "The largest quotient allowed."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<PhaseRatioSpec>(
        "PhaseRatio", "How the last value of a phase compares with another's.", kFields);
    decl.rules = &PhaseRatioRules;
    return decl;
  }();
  return kDecl;
}

const StructDecl& TemporalPattern::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&TemporalPattern::nondecreasing>("nondecreasing", "No sample is below the one before it."),
      Optional<&TemporalPattern::strictly_increasing>("strictly_increasing",
                                                      "Each sample is above the one before it."),
      Optional<&TemporalPattern::rate_within>(
          "rate_within", "How much it changes per second, from each sample to the next."),
      Optional<&TemporalPattern::steady_within>("steady_within",
                                                "Each sample stays near the mean of all of them."),
      Optional<&TemporalPattern::converges_to>("converges_to",
                                               "Three samples in a row get near a target before a deadline."),
      Optional<&TemporalPattern::always_true>("always_true", "Each sample is true (a number: not 0)."),
      Optional<&TemporalPattern::each>("each", "Bounds for each sample."),
      Optional<&TemporalPattern::phase_ratio>(
          "phase_ratio", "The last value in a phase, divided by the last one in an earlier phase."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<TemporalPattern>(
        "TemporalPattern", "How a value behaves over the samples; exactly one pattern.", kFields);
    decl.exactly_one = true;
    decl.rules = &PatternRules;
    return decl;
  }();
  return kDecl;
}

TemporalVerdict JudgePattern(const Series& series, const PatternResult& result) {
  TemporalVerdict verdict = Conclude(series, result);
  const TemporalOutcome* cause = nullptr;
  if (verdict.message.empty()) {
    // The first outcome of the kind that decided.
    for (const auto kind :
         {TemporalOutcome::Kind::kFail, TemporalOutcome::Kind::kInconclusive, TemporalOutcome::Kind::kNote}) {
      const auto at = std::find_if(result.outcomes.begin(), result.outcomes.end(),
                                   [&](const TemporalOutcome& outcome) { return outcome.kind == kind; });
      if (at == result.outcomes.end()) continue;
      cause = &*at;
      verdict.message = cause->message;
      break;
    }
  }
  for (const TemporalOutcome& outcome : result.outcomes)
    if (&outcome != cause) verdict.detail += (verdict.detail.empty() ? "" : "\n") + outcome.message;
  return verdict;
}

TemporalVerdict JudgeTemporal(const Series& series, const TemporalPattern& pattern) {
  return JudgePattern(series, Look(series, pattern));
}

}  // namespace ktstr
