// The sampling: known random numbers, known draws, and fairness.
#include <catch2/catch.hpp>

#include "workloads/worker/reservoir.h"

namespace ktstr {
namespace {

TEST_CASE("xorshift64 with shifts 13, 7, 17") {
  // From 1, by hand: x ^= x<<13 -> 0x2001; x ^= x>>7 -> 0x2041; x ^= x<<17 -> 0x40822041.
  Xorshift64 rng(1);
  CHECK(rng.Next() == 0x40822041);
  CHECK(rng.Next() == 0x100041060C011441);
  Xorshift64 zero(0);
  CHECK(zero.Next() != 0);
}

TEST_CASE("below its capacity a reservoir keeps everything in order") {
  Xorshift64 rng(5);
  Reservoir reservoir(4);
  for (std::uint64_t i = 10; i < 14; ++i) reservoir.Add(i, rng);
  CHECK(reservoir.samples() == std::vector<std::uint64_t>{10, 11, 12, 13});
  CHECK(reservoir.total() == 4);
}

TEST_CASE("above it, sample n takes slot next() mod n when that is inside") {
  Reservoir reservoir(2);
  Xorshift64 rng(1);
  Xorshift64 same(1);
  reservoir.Add(100, rng);
  reservoir.Add(101, rng);
  std::vector<std::uint64_t> expected = {100, 101};
  for (std::uint64_t n = 3; n < 50; ++n) {
    reservoir.Add(99 + n, rng);
    const std::uint64_t slot = same.Next() % n;
    if (slot < 2) expected[slot] = 99 + n;
    REQUIRE(reservoir.samples() == expected);
  }
  CHECK(reservoir.total() == 49);
}

TEST_CASE("every sample is kept with the same probability") {
  // 2000 runs of 100 samples into 10 slots: each sample should be held 200 times; sigma is about 13.
  std::vector<int> held(100);
  Xorshift64 rng(42);
  for (int run = 0; run < 2000; ++run) {
    Reservoir reservoir(10);
    for (std::uint64_t i = 0; i < 100; ++i) reservoir.Add(i, rng);
    for (const std::uint64_t sample : reservoir.samples()) ++held[sample];
  }
  for (const int count : held) {
    CHECK(count > 130);
    CHECK(count < 270);
  }
}

TEST_CASE("taking the samples starts over") {
  Xorshift64 rng(3);
  Reservoir reservoir(2);
  reservoir.Add(1, rng);
  CHECK(reservoir.Take() == std::vector<std::uint64_t>{1});
  CHECK(reservoir.total() == 0);
  reservoir.Add(2, rng);
  CHECK(reservoir.samples() == std::vector<std::uint64_t>{2});
}

}  // namespace
}  // namespace ktstr
