// What bpf_truth plants in a guest, so that the tests can say what a capture must find. Everything follows
// from a number i by these formulas.
#pragma once

#include <cstdint>

namespace ktstr::test {

/// The value of most maps. In BTF: struct point { unsigned x; long long y; unsigned list[3]; char tag[8]; }.
struct Point {
  std::uint32_t x = 0;
  std::int64_t y = 0;
  std::uint32_t list[3] = {};
  char tag[8] = {};
};
static_assert(sizeof(Point) == 40);

constexpr Point PointOf(std::uint32_t i) {
  return {
      100 + i, -1000 - std::int64_t{i}, {i, i + 1, i + 2}, {'t', 'a', 'g', static_cast<char>('0' + i % 10)}};
}

/// A key of 8 bytes: struct pair { unsigned major; unsigned minor; }.
struct Pair {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
};
constexpr Pair PairOf(std::uint32_t i) { return {i + 1, i * 7}; }

/// A value whose size is no multiple of 8: struct odd { unsigned a, b, c; }.
struct Odd {
  std::uint32_t a = 0, b = 0, c = 0;
};
constexpr Odd OddOf(std::uint32_t i) { return {i, i + 10, i + 20}; }

/// Global variables: DATASEC .bss of map "truth.bss".
struct Bss {
  std::uint64_t counter = 0;     // the scheduler counts in it how often a task ran; else 41
  std::uint32_t limits[4] = {};  // 5, 6, 7, 8
  std::uint32_t mood = 0;        // enum mood { CALM, BUSY = 2 }: BUSY
};

inline constexpr std::uint32_t kTruthEntries = 5;  // of maps with several entries, unless they say otherwise
inline constexpr std::uint32_t kTruthArenaPages[] = {0, 5};  // each begins with the bytes "page" and a digit
inline constexpr std::uint32_t kTruthProgSlot = 2;           // in use of t_prog_array, of 8
inline constexpr std::uint32_t kTruthInnerSlot = 3;          // of t_array_of_maps, of 8
inline constexpr std::uint32_t kTruthRingRecords = 3;        // of 24 bytes, with a header of 8 each
inline constexpr std::uint64_t kTruthDsq = 7;                // a user DSQ of the scheduler

// Tasks beside the main one ("bpf_truth"): a process "truth-nice" with nice 5 and affinity CPU 1, a process
// "truth-fifo" of SCHED_FIFO with priority 7, and a process "truth-threads" with two more threads,
// "truth-one" and "truth-two".
inline constexpr int kTruthNice = 5;
inline constexpr int kTruthFifo = 7;

}  // namespace ktstr::test
