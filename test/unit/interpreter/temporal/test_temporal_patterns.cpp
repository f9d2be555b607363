// The temporal patterns: each rule of each pattern, with the whole text of what it says.
#include <catch2/catch.hpp>

#include "interpreter/temporal/temporal_patterns.h"
#include "test/unit/interpreter/temporal/series_samples.h"

using namespace ktstr;
using namespace ktstr::samples;

namespace {

using Text = std::vector<std::string>;
const std::uint64_t kBig = std::uint64_t{1} << 63;  // doubles are 2048 apart there

}  // namespace

TEST_CASE("values keep their type and compare exactly") {
  CHECK(ValueText(U(18'446'744'073'709'551'615U)) == "18446744073709551615");
  CHECK(ValueText(I(-3)) == "-3");
  CHECK(ValueText(D(0.1)) == "0.1");
  CHECK(ValueText(B(true)) == "true");
  CHECK(ValueText(D(kNan)) == "nan");
  CHECK(ExactNumber(U(kBig + 1)) > ExactNumber(U(kBig)));
  CHECK(ExactNumber(U(kBig)) > ExactNumber(I(-1)));
  CHECK(Number(B(true)) == 1);
  CHECK(SampleName({"a", 1234.5, U(1), {}}) == "a (+1234.5ms)");
  CHECK(SampleName({"a", std::nullopt, U(1), {}}) == "a (+?ms)");
}

// ---- nondecreasing, strictly_increasing

TEST_CASE("nondecreasing holds") {
  const auto result = Nondecreasing(Of({U(1), U(1), U(2), D(2.5), I(3)}));
  CHECK(Lines(result).empty());
  CHECK(result.decided == 4);
}

TEST_CASE("nondecreasing reports every fall, also the smallest one of a large counter") {
  CHECK(
      Lines(Nondecreasing(Of({U(kBig + 1), U(kBig), I(42), I(41), I(50)}))) ==
      Text{"FAIL x (nondecreasing): fell at sample s1 (+200ms): 9223372036854775808 after "
           "9223372036854775809 at "
           "s0 (+100ms)",
           "FAIL x (nondecreasing): fell at sample s2 (+300ms): 42 after 9223372036854775808 at s1 (+200ms)",
           "FAIL x (nondecreasing): fell at sample s3 (+400ms): 41 after 42 at s2 (+300ms)"});
}

TEST_CASE("an order is judged across a sample without a value, which leaves it open") {
  const auto result = Nondecreasing(Of({U(9), Bad("boom"), U(1), U(2), Bad("bang")}));
  CHECK(Lines(result) == Text{"FAIL x (nondecreasing): fell at sample s2 (+300ms): 1 after 9 at s0 (+100ms)",
                              "INCONCLUSIVE x (nondecreasing): 2 samples without a value were left out: s1 "
                              "(+200ms): boom; s4 (+500ms): bang"});
  CHECK(result.decided == 2);
}

TEST_CASE("a NaN on either side fails the order") {
  CHECK(Lines(Nondecreasing(Of({D(kNan), D(1), D(kNan)}))) ==
        Text{"FAIL x (nondecreasing): not comparable at sample s1 (+200ms): 1 after nan at s0 (+100ms)",
             "FAIL x (nondecreasing): not comparable at sample s2 (+300ms): nan after 1 at s1 (+200ms)"});
}

TEST_CASE("an order needs two samples") {
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}}) {
    const Series series = Of(std::vector<Result<SampleValue>>(count, U(1)));
    const std::string had = count == 0 ? "0 samples" : "1 sample";
    CHECK(Lines(Nondecreasing(series)) == Text{"NOTE x (nondecreasing): " + had + "; at least 2 are needed"});
    CHECK(Lines(StrictlyIncreasing(series)) ==
          Text{"NOTE x (strictly_increasing): " + had + "; at least 2 are needed"});
    CHECK(Lines(RateWithin(series, {0, 1})) ==
          Text{"NOTE x (rate_within 0..1/s): " + had + "; at least 2 are needed"});
    CHECK(Nondecreasing(series).decided == 0);
  }
}

TEST_CASE("strictly_increasing") {
  CHECK(Lines(StrictlyIncreasing(Of({U(1), U(2), U(3)}))).empty());
  CHECK(
      Lines(StrictlyIncreasing(At({-1, 200, 300}, {U(2), U(2), D(kNan)}))) ==
      Text{"FAIL x (strictly_increasing): did not rise at sample s1 (+200ms): 2 after 2 at s0 (+?ms)",
           "FAIL x (strictly_increasing): not comparable at sample s2 (+300ms): nan after 2 at s1 (+200ms)"});
}

// ---- rate_within

TEST_CASE("rate_within is per second and its bounds are inclusive") {
  // 100 ms apart: 5 more is 50/s, 1 more is 10/s.
  const auto result = RateWithin(Of({U(0), U(5), U(6)}), {10, 50});
  CHECK(Lines(result).empty());
  CHECK(result.decided == 2);
  CHECK(Lines(RateWithin(Of({U(0), U(5), U(6), U(5)}), {11, 49})) ==
        Text{"FAIL x (rate_within 11..49/s): 50/s at sample s1 (+200ms): 5 after 0 at s0 (+100ms)",
             "FAIL x (rate_within 11..49/s): 10/s at sample s2 (+300ms): 6 after 5 at s1 (+200ms)",
             "FAIL x (rate_within 11..49/s): -10/s at sample s3 (+400ms): 5 after 6 at s2 (+300ms)"});
  CHECK(Lines(RateWithin(Of({U(0), U(5)}), {.hi = 49})) ==
        Text{"FAIL x (rate_within at most 49/s): 50/s at sample s1 (+200ms): 5 after 0 at s0 (+100ms)"});
  CHECK(Lines(RateWithin(Of({U(0), U(5)}), {.lo = 51})) ==
        Text{"FAIL x (rate_within at least 51/s): 50/s at sample s1 (+200ms): 5 after 0 at s0 (+100ms)"});
}

TEST_CASE("a rate just outside its bound is not shown as the bound") {
  CHECK(
      Lines(RateWithin(At({0, 1000}, {D(0), D(5.0000001)}), {0, 5})) ==
      Text{
          "FAIL x (rate_within 0..5/s): 5.0000001/s at sample s1 (+1000ms): 5.0000001 after 0 at s0 (+0ms)"});
}

TEST_CASE("rate_within: the difference of large counters is exact") {
  CHECK(Lines(RateWithin(At({0, 1000}, {U(kBig), U(kBig + 3)}), {3, 3})).empty());
}

TEST_CASE("rate_within: wrong bounds are one failure") {
  const auto result = RateWithin(Of({U(0), U(5), Bad("boom")}), {5, 1});
  CHECK(Lines(result) == Text{"FAIL x (rate_within 5..1/s): the lower bound is above the upper one"});
  CHECK(Lines(RateWithin(Of({}), {kNan, 1})) ==
        Text{"FAIL x (rate_within nan..1/s): the lower bound is above the upper one"});
}

TEST_CASE("rate_within without time between two samples is inconclusive") {
  const auto result = RateWithin(At({100, 100, 90}, {U(0), U(5), U(6)}), {0, 1});
  CHECK(Lines(result) ==
        Text{"INCONCLUSIVE x (rate_within 0..1/s): no time passed before sample s1 (+100ms): 5 after 0 at s0 "
             "(+100ms)",
             "INCONCLUSIVE x (rate_within 0..1/s): no time passed before sample s2 (+90ms): 6 after 5 at s1 "
             "(+100ms)"});
  CHECK(result.decided == 0);
}

TEST_CASE("rate_within leaves out pairs without a value or a time") {
  const auto result = RateWithin(At({100, -1, 300, 400, 500}, {U(0), U(1), U(2), Bad("boom"), U(4)}), {0, 1});
  CHECK(Lines(result) ==
        Text{"INCONCLUSIVE x (rate_within 0..1/s): 1 sample without a value was left out: s3 (+400ms): boom",
             "INCONCLUSIVE x (rate_within 0..1/s): 2 pairs without measured times were left out: s0 (+100ms) "
             "to s1 "
             "(+?ms); s1 "
             "(+?ms) to s2 (+300ms)"});
  CHECK(result.decided == 0);
}

TEST_CASE("a rate that is not finite fails") {
  CHECK(Lines(RateWithin(Of({D(1), D(kInf), D(kNan)}), {})) ==
        Text{"FAIL x (rate_within at most inf/s): the rate is not finite at sample s1 (+200ms): inf after 1 "
             "at s0 "
             "(+100ms)",
             "FAIL x (rate_within at most inf/s): the rate is not finite at sample s2 (+300ms): nan after "
             "inf at s1 "
             "(+200ms)"});
}

// ---- steady_within

TEST_CASE("steady_within takes the mean of what comes after the warmup") {
  // 1000 is warmup; the mean of 90, 100, 110 is 100, and 10% are just enough.
  const Series series = Of({U(1000), U(90), U(100), U(110)});
  const auto result = SteadyWithin(series, 200, 0.1);
  CHECK(Lines(result).empty());
  CHECK(result.decided == 3);
  CHECK(Lines(SteadyWithin(series, 200, 0.05)) ==
        Text{"FAIL x (steady_within 5% after 200ms): outside 95..105 at sample s1 (+200ms): 90; the mean of "
             "3 samples "
             "is 100",
             "FAIL x (steady_within 5% after 200ms): outside 95..105 at sample s3 (+400ms): 110; the mean of "
             "3 samples "
             "is 100"});
}

TEST_CASE("steady_within: the band of a negative mean, and of zero") {
  CHECK(Lines(SteadyWithin(Of({I(-90), I(-100), I(-110)}), 0, 0.1)).empty());
  CHECK(Lines(SteadyWithin(Of({I(-80), I(-100), I(-120)}), 0, 0.1)) ==
        Text{"FAIL x (steady_within 10% after 0ms): outside -110..-90 at sample s0 (+100ms): -80; the mean "
             "of 3 samples "
             "is -100",
             "FAIL x (steady_within 10% after 0ms): outside -110..-90 at sample s2 (+300ms): -120; the mean "
             "of 3 "
             "samples is -100"});
  CHECK(Lines(SteadyWithin(Of({I(0), I(0)}), 0, 0)).empty());
}

TEST_CASE("steady_within: a negative tolerance is one failure") {
  CHECK(Lines(SteadyWithin(Of({U(1), U(2)}), 0, -0.1)) ==
        Text{"FAIL x (steady_within -10% after 0ms): the tolerance is below 0"});
  CHECK(Lines(SteadyWithin(Of({U(1)}), 0, kNan)) ==
        Text{"FAIL x (steady_within nan% after 0ms): the tolerance is below 0"});
}

TEST_CASE("steady_within with too little after the warmup decides nothing") {
  const auto none = SteadyWithin(Of({U(1), U(2), Bad("boom")}), 301, 0.1);
  CHECK(Lines(none) == Text{"NOTE x (steady_within 10% after 301ms): no sample after the warmup"});
  CHECK(none.decided == 0);
  const auto one = SteadyWithin(Of({U(1), U(2)}), 200, 0.1);
  CHECK(
      Lines(one) ==
      Text{"NOTE x (steady_within 10% after 200ms): only 1 sample after the warmup, which is its own mean"});
  CHECK(one.decided == 0);
  const auto errors = SteadyWithin(Of({Bad("early"), Bad("boom"), Bad("bang")}), 200, 0.1);
  CHECK(Lines(errors) ==
        Text{"INCONCLUSIVE x (steady_within 10% after 200ms): 2 samples without a value were left out: s1 "
             "(+200ms): boom; s2 (+300ms): bang"});
  CHECK(errors.decided == 0);
}

TEST_CASE("steady_within leaves out what has no time or is not finite") {
  const auto result = SteadyWithin(
      At({100, -1, 300, -1, 500, 600}, {U(100), U(5), D(kNan), Bad("boom"), D(kInf), U(100)}), 0, 0.1);
  CHECK(Lines(result) ==
        Text{"INCONCLUSIVE x (steady_within 10% after 0ms): 2 samples without a measured time were "
             "left out: s1 (+?ms); s3 "
             "(+?ms): boom",
             "INCONCLUSIVE x (steady_within 10% after 0ms): 2 samples that are no finite numbers "
             "were left out: s2 (+300ms): "
             "nan; s4 (+500ms): inf"});
  CHECK(result.decided == 2);
}

// ---- converges_to

TEST_CASE("converges_to wants three samples in a row, the last one by the deadline") {
  const Series series = Of({U(10), U(45), U(55), U(50), U(99)});
  const auto result = ConvergesTo(series, 50, 5, 400);
  CHECK(Lines(result).empty());
  CHECK(result.decided == 4);
  CHECK(Lines(ConvergesTo(series, 50, 5, 399)) ==
        Text{"FAIL x (converges_to 50 +-5 by 399ms): no 3 samples in a row within 45..55 by the deadline, of "
             "5 samples; "
             "the last by then was 55 at s2 (+300ms)"});
  CHECK(Lines(ConvergesTo(series, 50, 4, 500)) ==
        Text{"FAIL x (converges_to 50 +-4 by 500ms): no 3 samples in a row within 46..54 by the deadline, of "
             "5 samples; "
             "the last by then was 99 at s4 (+500ms)"});
}

TEST_CASE("a sample without a value interrupts, and is named when it did") {
  CHECK(Lines(ConvergesTo(Of({Bad("early"), U(50), U(50), Bad("boom"), Bad("again"), U(50), U(50)}), 50, 0,
                          1000)) ==
        Text{"INCONCLUSIVE x (converges_to 50 +-0 by 1000ms): no 3 samples in a row within 50..50 by the "
             "deadline, of 7 samples; "
             "the last by then was 50 at s6 (+700ms); interrupted by s3 (+400ms): boom"});
  CHECK(Lines(ConvergesTo(Of({U(50), Bad("boom"), U(50), U(50), U(50)}), 50, 0, 1000)).empty());
}

TEST_CASE("a missing value that could not have made it converge changes nothing") {
  CHECK(
      Lines(ConvergesTo(Of({U(50), Bad("boom"), U(1), U(50)}), 50, 0, 1000)) ==
      Text{"FAIL x (converges_to 50 +-0 by 1000ms): no 3 samples in a row within 50..50 by the deadline, of "
           "4 samples; the last by then was 50 at s3 (+400ms); interrupted by s1 (+200ms): boom"});
  CHECK(Lines(ConvergesTo(At({100, 200, -1, 400, 500}, {U(50), U(50), U(50), U(50), U(50)}), 50, 1, 1000)) ==
        Text{"INCONCLUSIVE x (converges_to 50 +-1 by 1000ms): no 3 samples in a row within 49..51 by the "
             "deadline, of 5 samples; the last by then was 50 at s4 (+500ms)"});
}

TEST_CASE("a sample outside or not a number interrupts as well") {
  for (const Series& series :
       {Of({U(50), U(50), U(60), U(50), U(50)}), Of({U(50), U(50), D(kNan), U(50), U(50)})})
    CHECK(Lines(ConvergesTo(series, 50, 1, 1000)) ==
          Text{"FAIL x (converges_to 50 +-1 by 1000ms): no 3 samples in a row within 49..51 by the deadline, "
               "of 5 "
               "samples; the last by then was 50 at s4 (+500ms)"});
}

TEST_CASE("converges_to: consecutive means adjacent, however far apart") {
  CHECK(Lines(ConvergesTo(At({1, 5000, 90000}, {U(50), U(50), U(50)}), 50, 0, 90000)).empty());
}

TEST_CASE("converges_to with fewer than three values by the deadline decides nothing") {
  const auto result = ConvergesTo(Of({U(50), Bad("boom"), U(50), U(50)}), 50, 0, 300);
  CHECK(Lines(result) == Text{"NOTE x (converges_to 50 +-0 by 300ms): 2 samples with a value by the "
                              "deadline; at least 3 are needed"});
  CHECK(result.decided == 0);
  CHECK(Lines(ConvergesTo(Of({U(1)}), 50, -1, 300)) ==
        Text{"FAIL x (converges_to 50 +--1 by 300ms): the tolerance is below 0"});
}

// ---- always_true

TEST_CASE("always_true is strict") {
  const auto result = AlwaysTrue(Of({B(true), U(1), I(-1)}));
  CHECK(Lines(result).empty());
  CHECK(result.decided == 3);
  CHECK(Lines(AlwaysTrue(Of({B(true), B(false), Bad("boom"), U(0), D(1)}))) ==
        Text{"FAIL x (always_true): false at sample s1 (+200ms)",
             "FAIL x (always_true): 0 at sample s3 (+400ms)",
             "FAIL x (always_true): 1 at sample s4 (+500ms) is neither true nor false",
             "INCONCLUSIVE x (always_true): 1 sample without a value was left out: s2 (+300ms): boom"});
  CHECK(Lines(AlwaysTrue(Of({}))).empty());
  CHECK(AlwaysTrue(Of({})).decided == 0);
}

// ---- ratio_within

TEST_CASE("ratio_within divides sample by sample") {
  Series other = Of({U(10), U(10), U(4)});
  other.label = "y";
  const auto result = RatioWithin(Of({U(5), U(20), U(4)}), other, {0.5, 2});
  CHECK(Lines(result).empty());
  CHECK(result.decided == 3);
  CHECK(Lines(RatioWithin(Of({U(4), U(20), U(12)}), other, {0.5, 2})) ==
        Text{"FAIL x (ratio_within 0.5..2 of y): ratio 0.4 at sample s0 (+100ms): 4 / 10",
             "FAIL x (ratio_within 0.5..2 of y): ratio 3 at sample s2 (+300ms): 12 / 4"});
  CHECK(Lines(RatioWithin(Of({}), Of({}), {0, 1})).empty());
}

TEST_CASE("ratio_within: wrong bounds and different lengths are one failure") {
  CHECK(Lines(RatioWithin(Of({U(1)}), Of({U(1)}), {2, 1})) ==
        Text{"FAIL x (ratio_within 2..1 of x): the lower bound is above the upper one"});
  CHECK(Lines(RatioWithin(Of({U(1), U(9)}), Of({U(1)}), {0, 1})) ==
        Text{"FAIL x (ratio_within 0..1 of x): 2 samples cannot be divided by 1 sample"});
}

TEST_CASE("ratio_within: zero is inconclusive, corrupt numbers fail, gaps name their sides") {
  const auto result = RatioWithin(Of({U(1), D(kNan), Bad("boom"), U(1), Bad("left"), D(1)}),
                                  Of({U(0), U(1), U(1), Bad("bang"), Bad("right"), D(1)}), {0, 1});
  CHECK(Lines(result) ==
        Text{"INCONCLUSIVE x (ratio_within 0..1 of x): nothing to divide by at sample s0 (+100ms): 1 / 0",
             "FAIL x (ratio_within 0..1 of x): the ratio is not finite at sample s1 (+200ms): nan / 1",
             "INCONCLUSIVE x (ratio_within 0..1 of x): 3 indices without both values were left out: s2 "
             "(+300ms): "
             "left side: "
             "boom; s3 (+400ms): right side: bang; s4 (+500ms): left side: left, right side: right"});
  CHECK(result.decided == 2);
}

// ---- each

TEST_CASE("each holds every sample against the bounds") {
  const auto result = Each(Of({U(1), D(2.5), I(3)}), {1, 3});
  CHECK(Lines(result).empty());
  CHECK(result.decided == 3);
  CHECK(Lines(Each(Of({U(0), U(4), D(kNan), Bad("boom")}), {1, 3})) ==
        Text{"FAIL x (each 1..3): 0 at sample s0 (+100ms)", "FAIL x (each 1..3): 4 at sample s1 (+200ms)",
             "FAIL x (each 1..3): nan at sample s2 (+300ms) cannot be compared",
             "INCONCLUSIVE x (each 1..3): 1 sample without a value was left out: s3 (+400ms): boom"});
  CHECK(Lines(Each(Of({U(2)}), {.lo = 3})) == Text{"FAIL x (each at least 3): 2 at sample s0 (+100ms)"});
  CHECK(Lines(Each(Of({U(4)}), {.hi = 3})) == Text{"FAIL x (each at most 3): 4 at sample s0 (+100ms)"});
  CHECK(Lines(Each(Of({U(2)}), {3, 1})) ==
        Text{"FAIL x (each 3..1): the lower bound is above the upper one"});
  CHECK(Lines(Each(Of({}), {1, 3})).empty());
}
