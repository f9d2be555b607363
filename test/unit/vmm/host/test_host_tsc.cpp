// The speed of the time-stamp counter, held against another clock.
#include <catch2/catch.hpp>
#include <chrono>

#include "vmm/host/host_tsc.h"

namespace ktstr::vmm {
namespace {

#ifdef __x86_64__

TEST_CASE("the host's counter counts as fast as is said") {
  const std::uint32_t khz = HostTscKhz();
  if (khz == 0) return;  // a processor whose counter changes its speed
  CHECK(khz % 5000 == 0);
  using Clock = std::chrono::steady_clock;
  // However long this takes: the counter was read within what the clock says at most, and at least within
  // what it says at least.
  const auto outer = Clock::now();
  const std::uint64_t first = __builtin_ia32_rdtsc();
  const auto inner = Clock::now();
  while (Clock::now() - inner < std::chrono::milliseconds(50)) continue;
  const auto inner_end = Clock::now();
  const std::uint64_t last = __builtin_ia32_rdtsc();
  const auto outer_end = Clock::now();
  const auto ticks = [&](Clock::duration time) {
    return static_cast<double>(khz) * std::chrono::duration<double, std::milli>(time).count();
  };
  const auto counted = static_cast<double>(last - first);
  CHECK(counted > ticks(inner_end - inner) * 0.995);
  CHECK(counted < ticks(outer_end - outer) * 1.005);
}

#endif

}  // namespace
}  // namespace ktstr::vmm
