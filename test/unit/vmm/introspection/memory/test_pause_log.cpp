// The record of how long a guest was paused. Pauses themselves need a guest: test/guest/test_introspection.
#include <catch2/catch.hpp>

#include "vmm/introspection/memory/pause.h"

namespace ktstr::vmm {
namespace {

using namespace std::chrono_literals;
using Total = PauseLog::Total;

TEST_CASE("pauses are summed up by phase and by reason") {
  const auto start = std::chrono::steady_clock::now();
  PauseLog log(start);
  CHECK(log.All() == Total{0, 0});
  CHECK(log.ByPhase().empty());
  log.Add("capture 'a'", 1, start + 5ms, start + 7ms);
  log.Add("cold read 'b'", 1, start + 10ms, start + 10500us);
  log.Add("capture 'a'", 2, start + 20ms, start + 23ms);
  CHECK(log.entries()[1] == PauseLog::Entry{"cold read 'b'", 1, 10'000'000, 500'000});
  CHECK(log.All() == Total{3, 5'500'000});
  CHECK(log.ByPhase() == std::map<std::uint32_t, Total>{{1, {2, 2'500'000}}, {2, {1, 3'000'000}}});
  CHECK(log.ByReason() ==
        std::map<std::string, Total>{{"capture 'a'", {2, 5'000'000}}, {"cold read 'b'", {1, 500'000}}});
}

TEST_CASE("times before the run and backwards count as none") {
  const auto start = std::chrono::steady_clock::now();
  PauseLog log(start);
  log.Add("x", 0, start - 5ms, start - 7ms);
  CHECK(log.entries()[0] == PauseLog::Entry{"x", 0, 0, 0});
}

}  // namespace
}  // namespace ktstr::vmm
