// Time in which a worker was frozen is no part of a gap; the rest of the same gap is.
#include <catch2/catch.hpp>

#include "test/unit/workloads/worker/fake_probe.h"
#include "workloads/worker/telemetry.h"

namespace ktstr {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

TEST_CASE("a freeze is taken off the gap that it falls into, and off no other") {
  FakeProbe probe;
  Telemetry telemetry(probe, 1, false, 0);
  probe.PassMs(10);
  telemetry.EndIteration(1024, 0);
  probe.PassMs(5007);
  telemetry.NoteFrozen(5000 * kMs);
  telemetry.EndIteration(1024, 0);
  probe.PassMs(2000);
  telemetry.NoteFrozen(5000 * kMs);
  telemetry.EndIteration(1024, 0);
  probe.PassMs(3000);
  telemetry.NoteFrozen(8001 * kMs);  // frozen a moment before it stopped
  telemetry.EndIteration(1024, 0);
  probe.PassMs(50);
  telemetry.EndIteration(1024, 0);
  CHECK(telemetry.Finish().max_gap_ms == 2000);
}

}  // namespace
}  // namespace ktstr
