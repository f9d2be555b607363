// Temporal checks as they are written, and the verdicts they come to.
#include <catch2/catch.hpp>

#include "interpreter/explain/schema.h"
#include "interpreter/load/decode.h"
#include "interpreter/load/document.h"
#include "interpreter/temporal/temporal_check.h"
#include "test/unit/interpreter/temporal/series_samples.h"

using namespace ktstr;
using namespace ktstr::samples;

namespace {

using Text = std::vector<std::string>;

template <typename T>
T Read(const std::string& yaml, Text& faults) {
  Diagnostics diagnostics;
  T value;
  const Document document = LoadDocument("test.yaml", yaml, diagnostics);
  Decode(document, value, diagnostics);
  for (const Diagnostic& item : diagnostics.items())
    faults.push_back(item.path + " " + item.code + ": " + item.message);
  return value;
}
TemporalPattern Pattern(const std::string& yaml) {
  Text faults;
  auto pattern = Read<TemporalPattern>(yaml, faults);
  CHECK(faults.empty());
  return pattern;
}
template <typename T = TemporalPattern>
Text Faults(const std::string& yaml) {
  Text faults;
  Read<T>(yaml, faults);
  return faults;
}

/// "PASS message", and the detail's lines after it.
Text Judged(const Series& series, const std::string& yaml) {
  const TemporalVerdict verdict = JudgeTemporal(series, Pattern(yaml));
  Text lines{std::string(VerdictName(verdict.verdict)) + " " + verdict.message};
  for (std::size_t at = 0; at < verdict.detail.size();) {
    const std::size_t end = std::min(verdict.detail.find('\n', at), verdict.detail.size());
    lines.push_back(verdict.detail.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace

TEST_CASE("the declarations of temporal checks keep the rules of declarations") {
  CHECK(DeclarationFaults(TemporalPattern::Decl()).empty());
}

TEST_CASE("patterns decode with their units") {
  CHECK(Pattern("nondecreasing: true").nondecreasing == true);
  CHECK(Pattern("strictly_increasing: true").strictly_increasing == true);
  CHECK(Pattern("always_true: true").always_true == true);
  const auto rate = Pattern("rate_within: {min: -1, max: 2.5}");
  CHECK(rate.rate_within->min == -1);
  CHECK(rate.rate_within->max == 2.5);
  const auto steady = Pattern("steady_within: {warmup: 500ms, tolerance: 10%}");
  CHECK(steady.steady_within->warmup == Milliseconds(500));
  CHECK(steady.steady_within->tolerance.fraction == 0.1);
  CHECK(Pattern("steady_within: {tolerance: 5%}").steady_within->warmup.ns == 0);
  const auto converge = Pattern("converges_to: {target: 50, tolerance: 2, deadline: 3s}");
  CHECK(converge.converges_to->target == 50);
  CHECK(converge.converges_to->tolerance == 2);
  CHECK(converge.converges_to->deadline == Seconds(3));
  CHECK(Pattern("each: {max: 7}").each->max == 7);
  const auto ratio = Pattern("phase_ratio: {from: warm, to: shrink, max: 1.5}");
  CHECK(ratio.phase_ratio->from == "warm");
  CHECK(ratio.phase_ratio->to == "shrink");
  CHECK(ratio.phase_ratio->max == 1.5);
}

TEST_CASE("exactly one pattern is given") {
  CHECK(Faults("{nondecreasing: true, always_true: true}") ==
        Text{"always_true too-many-keys: 'nondecreasing' and 'always_true' exclude each other"});
  CHECK(Faults("{}") == Text{" missing-key: TemporalPattern needs one of the keys nondecreasing, "
                             "strictly_increasing, rate_within, steady_within, "
                             "converges_to, always_true, each or phase_ratio"});
  CHECK(Faults("nondecreasing: false") == Text{"nondecreasing rule: write true, or leave it out"});
  CHECK(Faults("strictly_increasing: false") ==
        Text{"strictly_increasing rule: write true, or leave it out"});
  CHECK(Faults("always_true: false") == Text{"always_true rule: write true, or leave it out"});
}

TEST_CASE("the parameters of patterns have rules") {
  CHECK(Faults("rate_within: {}") == Text{"rate_within rule: there is no bound; give min, max or both"});
  CHECK(Faults("rate_within: {min: 2, max: 1}") == Text{"rate_within/min rule: min is above max"});
  CHECK(Faults("each: {}") == Text{"each rule: there is no bound; give min, max or both"});
  CHECK(Faults("each: {min: 2, max: 1}") == Text{"each/min rule: min is above max"});
  CHECK(Faults("converges_to: {target: 1, tolerance: -1, deadline: 1s}") ==
        Text{"converges_to/tolerance out-of-range: -1 is out of range: it must be at least 0"});
  CHECK(Faults("phase_ratio: {from: a, to: a, max: 1}") ==
        Text{"phase_ratio/to rule: a phase cannot be compared with itself"});
}

TEST_CASE("each pattern is judged with its own parameters") {
  const Series series = In({1, 1, 2}, {U(10), U(20), U(30)});
  CHECK(Judged(series, "nondecreasing: true") == Text{"PASS x (nondecreasing): held in 2 comparisons"});
  CHECK(Judged(series, "strictly_increasing: true") ==
        Text{"PASS x (strictly_increasing): held in 2 comparisons"});
  CHECK(Judged(series, "rate_within: {min: 100, max: 100}") ==
        Text{"PASS x (rate_within 100..100/s): held in 2 comparisons"});
  CHECK(Judged(series, "rate_within: {max: 99}")[0] ==
        "FAIL x (rate_within at most 99/s): 100/s at sample s1 (+200ms): 20 after 10 at s0 (+100ms)");
  CHECK(Judged(series, "steady_within: {warmup: 200ms, tolerance: 20%}") ==
        Text{"PASS x (steady_within 20% after 200ms): held in 2 comparisons"});
  CHECK(Judged(series, "converges_to: {target: 20, tolerance: 10, deadline: 0.3s}") ==
        Text{"PASS x (converges_to 20 +-10 by 300ms): held in 3 comparisons"});
  CHECK(Judged(series, "always_true: true") == Text{"PASS x (always_true): held in 3 comparisons"});
  CHECK(Judged(series, "each: {min: 10}") == Text{"PASS x (each at least 10): held in 3 comparisons"});
  CHECK(Judged(series, "phase_ratio: {from: warm, to: shrink, max: 1.5}") ==
        Text{"PASS x (phase_ratio shrink / warm, at most 1.5): held in 1 comparison",
             "x (phase_ratio shrink / warm, at most 1.5): ratio 1.5: 30 in shrink, 20 in warm"});
}

TEST_CASE("the first failing sample is the message, the rest is detail") {
  CHECK(Judged(Of({U(5), U(4), Bad("boom"), U(3), U(2)}), "nondecreasing: true") ==
        Text{"FAIL x (nondecreasing): fell at sample s1 (+200ms): 4 after 5 at s0 (+100ms)",
             "x (nondecreasing): fell at sample s3 (+400ms): 3 after 4 at s1 (+200ms)",
             "x (nondecreasing): fell at sample s4 (+500ms): 2 after 3 at s3 (+400ms)",
             "x (nondecreasing): 1 sample without a value was left out: s2 (+300ms): boom"});
}

TEST_CASE("FAIL outranks INCONCLUSIVE, which outranks PASS") {
  CHECK(Judged(At({100, 100, 200}, {U(1), U(2), U(99)}), "rate_within: {max: 10}") ==
        Text{"FAIL x (rate_within at most 10/s): 970/s at sample s2 (+200ms): 99 after 2 at s1 (+100ms)",
             "x (rate_within at most 10/s): no time passed before sample s1 (+100ms): 2 after 1 at s0 "
             "(+100ms)"});
  CHECK(Judged(At({100, 100, 200}, {U(1), U(2), U(3)}), "rate_within: {max: 10}") ==
        Text{"INCONCLUSIVE x (rate_within at most 10/s): no time passed before sample s1 (+100ms): 2 after 1 "
             "at s0 "
             "(+100ms)"});
}

TEST_CASE("nothing passes silently") {
  CHECK(Judged(Of({}), "always_true: true") == Text{"INCONCLUSIVE x (always_true): there is no sample"});
  CHECK(Judged(Of({U(1)}), "each: {min: 1}") ==
        Text{"INCONCLUSIVE x (each at least 1): only 1 of 1 sample has a value; at least 2 are needed"});
  CHECK(Judged(Of({U(1), Bad("boom")}), "nondecreasing: true") ==
        Text{"INCONCLUSIVE x (nondecreasing): only 1 of 2 samples has a value; at least 2 are needed",
             "x (nondecreasing): 1 sample without a value was left out: s1 (+200ms): boom"});
  // A broken one is broken all the same.
  CHECK(Judged(Of({U(0)}), "each: {min: 1}") == Text{"FAIL x (each at least 1): 0 at sample s0 (+100ms)"});
  // Enough values, but not all.
  CHECK(Judged(Of({U(1), Bad("boom"), U(3)}), "nondecreasing: true") ==
        Text{"INCONCLUSIVE x (nondecreasing): 1 sample without a value was left out: s1 (+200ms): boom"});
  CHECK(Judged(Of({U(1), U(2)}), "steady_within: {warmup: 1s, tolerance: 1%}") ==
        Text{"INCONCLUSIVE x (steady_within 1% after 1000ms): no sample after the warmup"});
  CHECK(Judged(Of({U(1), U(2)}), "converges_to: {target: 1, tolerance: 1, deadline: 1s}") ==
        Text{"INCONCLUSIVE x (converges_to 1 +-1 by 1000ms): 2 samples with a value by the deadline; at "
             "least 3 are "
             "needed"});
  CHECK(Judged(In({1, 1}, {U(1), U(2)}), "phase_ratio: {from: warm, to: shrink, max: 1}") ==
        Text{"INCONCLUSIVE x (phase_ratio shrink / warm, at most 1): no value in phase shrink"});
  const TemporalVerdict empty = JudgePattern(Of({U(1), U(2)}), {"x (ratio_within 0..1 of y)", {}, 0});
  CHECK(empty.verdict == Verdict::kInconclusive);
  CHECK(empty.message == "x (ratio_within 0..1 of y): there is nothing to compare");
}

TEST_CASE("without any value a strict pattern is inconclusive too") {
  CHECK(Judged(Of({Bad("boom"), Bad("bang")}), "each: {min: 1}") ==
        Text{"INCONCLUSIVE x (each at least 1): none of 2 samples has a value, the first one because: boom",
             "x (each at least 1): 2 samples without a value were left out: s0 (+100ms): boom; s1 (+200ms): "
             "bang"});
}

TEST_CASE("a series with holes passes no pattern that could be broken in them") {
  // Each of these passes without the hole.
  const Series series = In({1, 1, 1, 2, 2, 2}, {U(10), U(10), Bad("evicted"), U(10), U(10), U(10)});
  for (const std::string_view pattern :
       {"nondecreasing: true", "rate_within: {max: 1}", "steady_within: {tolerance: 1%}", "always_true: true",
        "each: {max: 10}"}) {
    const Text judged = Judged(series, std::string(pattern));
    INFO(judged[0]);
    CHECK(judged[0].starts_with("INCONCLUSIVE"));
    CHECK(judged[0].ends_with("1 sample without a value was left out: s2 (+300ms): evicted"));
  }
  // These two look at some of the samples only.
  CHECK(Judged(series, "converges_to: {target: 10, tolerance: 0, deadline: 600ms}")[0] ==
        "PASS x (converges_to 10 +-0 by 600ms): held in 5 comparisons");
  CHECK(Judged(series, "converges_to: {target: 10, tolerance: 0, deadline: 500ms}")[0].starts_with(
      "INCONCLUSIVE"));
  CHECK(Judged(series, "phase_ratio: {from: warm, to: shrink, max: 1}")[0] ==
        "INCONCLUSIVE x (phase_ratio shrink / warm, at most 1): the last sample of phase warm has no value: "
        "evicted");
  // What the other values break is broken.
  CHECK(Judged(series, "each: {max: 9}")[0] == "FAIL x (each at most 9): 10 at sample s0 (+100ms)");
}

TEST_CASE("samples that are not in the series at all are holes too") {
  Series series = In({1, 1, 2}, {U(10), U(10), U(10)});
  series.lost = 2;
  CHECK(Judged(series, "each: {max: 10}")[0] ==
        "INCONCLUSIVE x (each at most 10): 2 of 5 samples are missing");
  CHECK(Judged(series, "phase_ratio: {from: warm, to: shrink, max: 1}")[0] ==
        "INCONCLUSIVE x (phase_ratio shrink / warm, at most 1): 2 of 5 samples are missing");
  CHECK(Judged(series, "converges_to: {target: 10, tolerance: 0, deadline: 1s}")[0] ==
        "PASS x (converges_to 10 +-0 by 1000ms): held in 3 comparisons");
  CHECK(Judged(series, "converges_to: {target: 99, tolerance: 0, deadline: 1s}")[0].starts_with(
      "INCONCLUSIVE x (converges_to 99 +-0 by 1000ms): no 3 samples in a row"));
  CHECK(Judged(series, "each: {max: 9}")[0] == "FAIL x (each at most 9): 10 at sample s0 (+100ms)");
}
