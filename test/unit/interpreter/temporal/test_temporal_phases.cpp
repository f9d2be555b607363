// A series cut into phases, and comparisons of two phases.
#include <catch2/catch.hpp>

#include "interpreter/temporal/temporal_phases.h"
#include "test/unit/interpreter/temporal/series_samples.h"

using namespace ktstr;
using namespace ktstr::samples;

namespace {

using Text = std::vector<std::string>;

std::string Show(const PhaseValues& values) {
  std::string out;
  for (const auto& [phase, value] : values) out += std::to_string(phase) + ":" + ValueText(value) + " ";
  return out;
}

/// BASELINE 3; warm 10, boom, 25; shrink boom; 7 without a phase; phase 3 of no name nan, 4.
Series Mixed() {
  return In({0, 1, 1, 1, 2, -1, 3, 3}, {U(3), U(10), Bad("boom"), U(25), Bad("boom"), U(7), D(kNan), U(4)});
}

TemporalOutcome Better(std::optional<double> baseline, std::optional<double> candidate, Polarity better,
                       std::optional<double> margin = {}) {
  return BetterAcrossPhases({"p99_us", "warm", "shrink", baseline, candidate}, better, margin);
}

}  // namespace

TEST_CASE("samples by phase, in the order of the phases") {
  const Series series = Mixed();
  const SamplesByPhase by_phase = ByPhase(series);
  REQUIRE(by_phase.phases.size() == 4);
  REQUIRE(by_phase.phases.at(1).size() == 3);
  CHECK(by_phase.phases.at(1)[2] == &series.samples[3]);
  REQUIRE(by_phase.unknown.size() == 1);
  CHECK(by_phase.unknown[0]->tag == "s5");
}

TEST_CASE("first and last value of each phase; one without values is absent") {
  CHECK(Show(FirstPerPhase(Mixed())) == "0:3 1:10 3:nan ");
  CHECK(Show(LastPerPhase(Mixed())) == "0:3 1:25 3:4 ");
  CHECK(ValueText(*ValueAtPhase(Mixed(), 1)) == "25");
  CHECK(ValueAtPhase(Mixed(), 2) == std::nullopt);
  CHECK(ValueAtPhase(Mixed(), 9) == std::nullopt);
}

TEST_CASE("the delta of a counter in each phase; a fall counts as 0 and warns") {
  const CounterDeltas deltas = CounterDeltaPerPhase(
      In({0, 1, 1, 2, 2, 2, 3, 3}, {U(9), U(10), U(25), U(40), U(90), U(30), U(8), U(7)}));
  CHECK(deltas.deltas == PhaseNumbers{{0, 0}, {1, 15}, {2, 0}, {3, 0}});
  CHECK(deltas.warnings == Text{"x: the counter fell from 40 to 30 in shrink; that counts as 0",
                                "x: the counter fell from 8 to 7 in phase 3; that counts as 0"});
}

TEST_CASE("aggregates of each phase leave out what is not finite") {
  const Series series = In({0, 1, 1, 1, 1, 2, 2}, {D(kInf), U(10), U(40), D(kNan), U(22), U(7), U(5)});
  CHECK(AggregateByPhase(series, Aggregation::kDelta) == PhaseNumbers{{1, 12}, {2, 0}});
  CHECK(AggregateByPhase(series, Aggregation::kMean) == PhaseNumbers{{1, 24}, {2, 6}});
  CHECK(AggregateByPhase(series, Aggregation::kMax) == PhaseNumbers{{1, 40}, {2, 7}});
  CHECK(AggregateByPhase(series, Aggregation::kLast) == PhaseNumbers{{1, 22}, {2, 5}});
  CHECK(AggregateByPhase(series, Aggregation::kSum) == PhaseNumbers{{1, 72}, {2, 12}});
  CHECK(AggregateByPhase(In({-1, 2}, {U(1), Bad("boom")}), Aggregation::kSum).empty());
}

TEST_CASE("phases are combined where both have a number") {
  const PhaseNumbers a{{0, 1}, {1, 3}, {2, 0}, {4, 5}};
  const PhaseNumbers b{{0, 3}, {1, 0}, {2, 0}, {3, 9}};
  CHECK(ZipPerPhase(a, b, [](double x, double y) { return x - y; }) == PhaseNumbers{{0, -2}, {1, 3}, {2, 0}});
  CHECK(FractionPerPhase(a, b) == PhaseNumbers{{0, 0.25}, {1, 1}});
}

TEST_CASE("the ratio across phases takes the last values") {
  const Series series = In({1, 1, 2, 2}, {U(1), U(100), U(7), U(150)});
  const PatternResult held = RatioAcrossPhases(series, "warm", "shrink", 1.5);
  CHECK(Lines(held) ==
        Text{"NOTE x (phase_ratio shrink / warm, at most 1.5): ratio 1.5: 150 in shrink, 100 in warm"});
  CHECK(held.decided == 1);
  CHECK(Lines(RatioAcrossPhases(series, "warm", "shrink", 1.25)) ==
        Text{"FAIL x (phase_ratio shrink / warm, at most 1.25): ratio 1.5: 150 in shrink, 100 in warm"});
}

TEST_CASE("the ratio across phases without data decides nothing") {
  const Series series = In({1, 2}, {U(0), U(5)});
  CHECK(Lines(RatioAcrossPhases(series, "warm", "shrink", 1)) ==
        Text{"INCONCLUSIVE x (phase_ratio shrink / warm, at most 1): nothing to divide by: 5 in shrink, 0 in "
             "warm"});
  const PatternResult missing = RatioAcrossPhases(series, "BASELINE", "hto", 1);
  CHECK(Lines(missing) ==
        Text{"INCONCLUSIVE x (phase_ratio hto / BASELINE, at most 1): no value in phase BASELINE",
             "INCONCLUSIVE x (phase_ratio hto / BASELINE, at most 1): no value in phase hto"});
  CHECK(missing.decided == 0);
  CHECK(Lines(RatioAcrossPhases(In({1, 2}, {U(1), D(kInf)}), "warm", "shrink", 1)) ==
        Text{"FAIL x (phase_ratio shrink / warm, at most 1): the ratio is not finite: inf in shrink, 1 in "
             "warm"});
}

TEST_CASE("better is strict without a margin") {
  CHECK(Line(Better(100, 99, Polarity::kLower)) ==
        "NOTE p99_us (shrink better than warm): 99 in shrink, 100 in warm");
  CHECK(Line(Better(100, 100, Polarity::kLower)) ==
        "FAIL p99_us (shrink better than warm): 100 in shrink, 100 in warm");
  CHECK(Line(Better(0, 1, Polarity::kHigher)) ==
        "NOTE p99_us (shrink better than warm): 1 in shrink, 0 in warm");
  CHECK(Line(Better(100, 99, Polarity::kHigher)) ==
        "FAIL p99_us (shrink better than warm): 99 in shrink, 100 in warm");
}

TEST_CASE("better by a margin is a share of the baseline, and an exact gain is enough") {
  CHECK(Line(Better(100, 90, Polarity::kLower, 0.1)) ==
        "NOTE p99_us (shrink better than warm by 10%): better by 10%: 90 in shrink, 100 in warm");
  CHECK(Line(Better(100, 90, Polarity::kLower, 0.11)) ==
        "FAIL p99_us (shrink better than warm by 11%): better by 10%: 90 in shrink, 100 in warm");
  // 0.07 * 100 is 7.000000000000001: the product would refuse a gain of 7.
  CHECK(Better(100, 93, Polarity::kLower, 0.07).kind == TemporalOutcome::Kind::kNote);
  CHECK(Line(Better(-100, -80, Polarity::kHigher, 0.2)) ==
        "NOTE p99_us (shrink better than warm by 20%): better by 20%: -80 in shrink, -100 in warm");
  CHECK(Better(100, 100, Polarity::kLower, 0.0).kind == TemporalOutcome::Kind::kNote);
  CHECK(Better(100, 101, Polarity::kLower, 0.0).kind == TemporalOutcome::Kind::kFail);
}

TEST_CASE("better: what cannot be compared, in the order it is asked") {
  CHECK(Line(Better({}, kNan, Polarity::kInfo)) ==
        "INCONCLUSIVE p99_us (shrink better than warm): no value in warm");
  CHECK(Line(Better(1, {}, Polarity::kLower)) ==
        "INCONCLUSIVE p99_us (shrink better than warm): no value in shrink");
  CHECK(Line(Better(1, kNan, Polarity::kInfo)) ==
        "FAIL p99_us (shrink better than warm): not a finite number: nan in shrink, 1 in warm");
  CHECK(Line(Better(0, 1, Polarity::kInfo, 0.1)) ==
        "INCONCLUSIVE p99_us (shrink better than warm by 10%): the metric has no better side");
  CHECK(Line(Better(0, 1, Polarity::kHigher, 0.1)) ==
        "INCONCLUSIVE p99_us (shrink better than warm by 10%): a margin on a baseline of 0 says nothing: 1 "
        "in shrink, "
        "0 in warm");
}
