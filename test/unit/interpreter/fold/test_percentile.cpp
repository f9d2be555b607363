#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "interpreter/fold/percentile.h"

using namespace ktstr;

namespace {

Samples Sealed(std::vector<std::pair<std::vector<std::uint64_t>, std::uint64_t>> sources) {
  Samples samples;
  for (const auto& [values, total] : sources) samples.Add(values, total);
  samples.Seal();
  return samples;
}

std::vector<std::uint64_t> OneTo(std::uint64_t n) {
  std::vector<std::uint64_t> values(n);
  std::iota(values.begin(), values.end(), 1);
  return values;
}

}  // namespace

TEST_CASE("percentiles take the element at ceil(n p) - 1") {
  // n = 4: ceil(2) = 2nd, ceil(3.96) = 4th, ceil(3.996) = 4th.
  const Samples four = Sealed({{{40, 10, 30, 20}, 4}});
  CHECK(four.Percentile(500) == 20U);  // the lower middle
  CHECK(four.Percentile(750) == 30U);
  CHECK(four.Percentile(751) == 40U);
  CHECK(four.Percentile(990) == 40U);
  CHECK(four.Percentile(0) == 10U);
  CHECK(four.Max() == 40U);
  // n = 100: exactly the 99th and, rounded up, the 100th.
  const Samples hundred = Sealed({{OneTo(100), 100}});
  CHECK(hundred.Percentile(500) == 50U);
  CHECK(hundred.Percentile(990) == 99U);
  CHECK(hundred.Percentile(999) == 100U);
  // 0.07 * 100 is 7.000000000000001 in binary; the 7th is meant.
  CHECK(hundred.Percentile(70) == 7U);
  const Samples one = Sealed({{{5}, 1}});
  CHECK(one.Percentile(500) == 5U);
}

TEST_CASE("a sample weighs what it stands for") {
  // A: 2 samples for 2 observations, B: 2 samples for 18, so 9 each. W = 20.
  // cumulative: 10 -> 1, 20 -> 2, 30 -> 11, 40 -> 20.
  const Samples samples = Sealed({{{10, 20}, 2}, {{30, 40}, 18}});
  CHECK(samples.total() == 20);
  CHECK(samples.Percentile(100) == 20U);  // wanted 2
  CHECK(samples.Percentile(101) == 30U);  // wanted 3
  CHECK(samples.Percentile(500) == 30U);  // wanted 10
  CHECK(samples.Percentile(550) == 30U);  // wanted 11, just reached
  CHECK(samples.Percentile(551) == 40U);
  // Thirds: 3 samples for 10 observations; all of them are reached by the last.
  CHECK(Sealed({{{1, 2, 3}, 10}}).Percentile(1000) == 3U);
  CHECK(Sealed({{{1, 2, 3}, 10}}).Percentile(666) == 3U);  // wanted 7, two thirds are 6.67
  // Ten times 1.1 is 10.999999999999998 in binary, and still reaches 11.
  CHECK(Sealed({{OneTo(10), 11}, {{99}, 1}}).Percentile(916) == 10U);
}

TEST_CASE("no samples, no percentile") {
  const Samples none = Sealed({});
  CHECK_FALSE(none.Percentile(500).has_value());
  CHECK_FALSE(none.Cv().has_value());
  CHECK_FALSE(none.Max().has_value());
}

TEST_CASE("a stripped reservoir makes the set unreadable rather than biased") {
  const Samples samples = Sealed({{{10, 20}, 2}, {{}, 500}});
  CHECK(samples.incomplete());
  CHECK(samples.total() == 502);
  CHECK_FALSE(samples.Percentile(500).has_value());
  // A worker that made no observation does not.
  CHECK(Sealed({{{10, 20}, 2}, {{}, 0}}).Percentile(500) == 10U);
}

TEST_CASE("a total below what arrived is not believed") {
  const Samples samples = Sealed({{{10, 20, 30}, 1}});
  CHECK(samples.total() == 3);
  CHECK(samples.Percentile(500) == 20U);
}

TEST_CASE("coefficient of variation") {
  // 2, 4, 4, 4, 5, 5, 7, 9: mean 5, population deviation 2.
  CHECK(*Sealed({{{2, 4, 4, 4, 5, 5, 7, 9}, 8}}).Cv() == Approx(0.4));
  // Weighted: 1 counts three times, 5 once: mean 2, deviation sqrt((3*1 + 9)/4) = sqrt(3).
  CHECK(*Sealed({{{1}, 3}, {{5}, 1}}).Cv() == Approx(std::sqrt(3.0) / 2));
  CHECK(*Sealed({{{0, 0}, 2}}).Cv() == 0);
  CHECK_FALSE(Sealed({{{7}, 1}}).Cv().has_value());  // one observation does not vary
  CHECK(*Cv(std::vector<double>{1, 3}) == Approx(0.5));
  CHECK(*Cv(std::vector<double>{0, 0}) == 0);
  CHECK_FALSE(Cv(std::vector<double>{1}).has_value());
}

TEST_CASE("below the cap the order of the workers does not matter") {
  std::vector<std::pair<std::vector<std::uint64_t>, std::uint64_t>> sources;
  Xorshift64 random(1);
  for (int worker = 0; worker < 20; ++worker) {
    std::vector<std::uint64_t> values(1 + random.Next() % 50);
    for (std::uint64_t& value : values) value = random.Next() % 100;
    const std::uint64_t total = values.size() + random.Next() % 1000;
    sources.emplace_back(values, total);
  }
  const Samples forward = Sealed(sources);
  for (int round = 0; round < 50; ++round) {
    for (std::size_t i = sources.size(); i > 1; --i) std::swap(sources[i - 1], sources[random.Next() % i]);
    const Samples shuffled = Sealed(sources);
    for (const std::uint32_t permille : {0U, 100U, 500U, 900U, 990U, 999U, 1000U})
      REQUIRE(shuffled.Percentile(permille) == forward.Percentile(permille));
    REQUIRE(shuffled.Cv() == forward.Cv());
    REQUIRE(shuffled.total() == forward.total());
  }
}

TEST_CASE("exactly the cap is kept as it is, one more is drawn from") {
  Samples at_cap(4);
  at_cap.Add(std::vector<std::uint64_t>{1, 2}, 2);
  at_cap.Add(std::vector<std::uint64_t>{3, 4}, 2);
  CHECK(at_cap.kept() == 4);
  CHECK(at_cap.items()[3].value == 4);
  CHECK(at_cap.items()[3].weight == 1);

  Samples over(4);
  over.Add(std::vector<std::uint64_t>{1, 2}, 2);
  over.Add(std::vector<std::uint64_t>{3, 4, 5}, 6);
  CHECK(over.kept() == 4);
  CHECK(over.total() == 8);
  for (const WeightedSample& sample : over.items()) CHECK(sample.weight == 2);
}

TEST_CASE("the draws are those of the stated generator") {
  // Worked out apart, in Python:
  //   M = 2**64 - 1
  //   rotl = lambda x, r: ((x << r) | (x >> (64 - r))) & M
  //   s = ((w_a ^ rotl(w_b, 32) ^ rotl(len_a, 16) ^ len_b) * 0x9E3779B97F4A7C15) & M
  //   def nxt(): global s; s ^= (s << 13) & M; s ^= s >> 7; s ^= (s << 17) & M; return s
  //   for each draw: r = nxt() % (w_a + w_b); then b[nxt() % len_b], or x[nxt() % len(x)] of the source of A
  //   in which r falls
  const auto drawn = [](const Samples& samples) {
    std::vector<std::uint64_t> values;
    for (const WeightedSample& sample : samples.items()) values.push_back(sample.value);
    return values;
  };
  Samples two(4);
  two.Add(std::vector<std::uint64_t>{10, 11}, 40);
  two.Add(std::vector<std::uint64_t>{20, 21, 22}, 60);
  CHECK(drawn(two) == std::vector<std::uint64_t>{11, 22, 22, 20});  // r = 8, 62, 56, 63
  Samples three(5);
  three.Add(std::vector<std::uint64_t>{10, 11}, 2);
  three.Add(std::vector<std::uint64_t>{12}, 2);
  three.Add(std::vector<std::uint64_t>{20, 21, 22}, 3);
  CHECK(drawn(three) == std::vector<std::uint64_t>{11, 12, 12, 22, 22});  // r = 0, 2, 3, 4, 4
}

TEST_CASE("drawing keeps the proportions of unequal sources") {
  // 60 000 samples of value 1 for 60 000 observations against 60 000 of value 2 for 540 000: 10% to 90%.
  Samples samples;
  samples.Add(std::vector<std::uint64_t>(30'000, 1), 30'000);
  samples.Add(std::vector<std::uint64_t>(30'000, 1), 30'000);
  samples.Add(std::vector<std::uint64_t>(60'000, 2), 540'000);
  REQUIRE(samples.kept() == kReportSamples);
  const auto ones = std::count_if(samples.items().begin(), samples.items().end(),
                                  [](const WeightedSample& s) { return s.value == 1; });
  CHECK(ones > 9'500);
  CHECK(ones < 10'500);
  // A third part with its own weight: 1, 2 and 3 then stand for 6%, 54% and 40%.
  samples.Add(std::vector<std::uint64_t>(10, 3), 400'000);
  const auto threes = std::count_if(samples.items().begin(), samples.items().end(),
                                    [](const WeightedSample& s) { return s.value == 3; });
  CHECK(threes > 39'000);
  CHECK(threes < 41'000);
  CHECK(samples.total() == 1'000'000);
  samples.Seal();
  CHECK(samples.Percentile(500) == 2U);
  CHECK(samples.Percentile(990) == 3U);
}

TEST_CASE("counters saturate") {
  CHECK(AddSaturating(~std::uint64_t{0} - 1, 1) == ~std::uint64_t{0});
  CHECK(AddSaturating(~std::uint64_t{0}, 1) == ~std::uint64_t{0});
  CHECK(AddSaturating(2, 3) == 5);
}
