#include "vmm/host/host_tsc.h"

#include <time.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>

namespace ktstr::vmm {
namespace {

constexpr std::uint32_t kStepKhz = 5000;

#ifdef __x86_64__

std::int64_t RawNs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// The counter and the clock at one moment.
struct Reading {
  std::uint64_t ticks = 0;
  std::int64_t ns = 0;
  std::int64_t error_ns = std::numeric_limits<std::int64_t>::max();
};

/// The most exact of several: one in which this thread was not taken off its CPU.
Reading Read() {
  constexpr int kTries = 50;
  Reading best;
  for (int i = 0; i < kTries; ++i) {
    const std::int64_t before = RawNs();
    const std::uint64_t ticks = __builtin_ia32_rdtsc();
    const std::int64_t error = RawNs() - before;
    if (error < best.error_ns) best = {ticks, before + error / 2, error};
  }
  return best;
}

bool CountsEvenly() {
  std::ifstream lines("/proc/cpuinfo");
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("flags")) return line.find(" constant_tsc") != std::string::npos;
  return false;
}

const Reading& First() {
  static const Reading first = Read();
  return first;
}

std::uint32_t Measure() {
  constexpr std::int64_t kShortNs = 3'000'000, kLongNs = 50'000'000;
  const Reading& first = First();
  if (!CountsEvenly()) return 0;
  while (true) {
    const Reading now = Read();
    const std::int64_t passed = now.ns - first.ns;
    if (passed < kShortNs) continue;
    const double khz = static_cast<double>(now.ticks - first.ticks) * 1e6 / static_cast<double>(passed);
    const double error =
        khz * static_cast<double>(first.error_ns + now.error_ns) / static_cast<double>(passed);
    const double step = std::round(khz / kStepKhz) * kStepKhz;
    // Near the middle between two steps a longer look decides.
    if (std::abs(khz - step) + error < kStepKhz / 2.0 || passed > kLongNs)
      return static_cast<std::uint32_t>(step);
  }
}

#else

void First() {}
std::uint32_t Measure() { return 0; }

#endif

}  // namespace

void BeginHostTsc() { First(); }

std::uint32_t HostTscKhz() {
  static const std::uint32_t khz = Measure();
  return khz;
}

}  // namespace ktstr::vmm
