// The account of how long a guest was kept from running. Freezes themselves need a guest:
// test/guest/test_introspection.
#include <catch2/catch.hpp>

#include "vmm/introspection/memory/freeze.h"

namespace ktstr::vmm {
namespace {

using namespace std::chrono_literals;
using Total = PerturbationLedger::Total;

TEST_CASE("a ledger sums up by phase and by reason") {
  const auto start = std::chrono::steady_clock::now();
  PerturbationLedger ledger(start);
  CHECK(ledger.All() == Total{0, 0});
  CHECK(ledger.ByEpoch().empty());
  ledger.Add("capture 'a'", 1, start + 5ms, start + 7ms);
  ledger.Add("cold read 'b'", 1, start + 10ms, start + 10500us);
  ledger.Add("capture 'a'", 2, start + 20ms, start + 23ms);
  CHECK(ledger.entries()[1] == PerturbationLedger::Entry{"cold read 'b'", 1, 10'000'000, 500'000});
  CHECK(ledger.All() == Total{3, 5'500'000});
  CHECK(ledger.ByEpoch() == std::map<std::uint32_t, Total>{{1, {2, 2'500'000}}, {2, {1, 3'000'000}}});
  CHECK(ledger.ByReason() ==
        std::map<std::string, Total>{{"capture 'a'", {2, 5'000'000}}, {"cold read 'b'", {1, 500'000}}});
}

TEST_CASE("times before the run and backwards count as none") {
  const auto start = std::chrono::steady_clock::now();
  PerturbationLedger ledger(start);
  ledger.Add("x", 0, start - 5ms, start - 7ms);
  CHECK(ledger.entries()[0] == PerturbationLedger::Entry{"x", 0, 0, 0});
}

}  // namespace
}  // namespace ktstr::vmm
