// A machine gets network cards when, and only when, a worker sends frames; with what follows from that.
#include <catch2/catch.hpp>

#include "test/unit/interpreter/plan/loaded_plan.h"

using namespace ktstr;

namespace {

std::string Work(const std::string& work) {
  return "steps:\n  - {hold: 1s}\n  - {cgroups: [{name: a, work: [{type: SpinWait}, " + work +
         "]}], hold: 1s}\n";
}

/// The only diagnostic.
Diagnostic Fault(const std::string& yaml) {
  const LoadedPlan plan("version: 1\n" + yaml);
  REQUIRE(plan.diagnostics.items().size() == 1);
  return plan.diagnostics.items().front();
}

}  // namespace

TEST_CASE("a plan asks for network cards, and for a kernel that can use them, when a worker sends frames") {
  for (const char* type : {"NetTraffic", "IrqWake"}) {
    const LoadedPlan sends("version: 1\nkernel: \">=6.6\"\n" + Work("{type: " + std::string(type) + "}"));
    REQUIRE(sends.diagnostics.empty());
    const RunPlan& plan = *sends.plans.front();
    REQUIRE(plan.nics);
    CHECK(plan.nics->path == "steps/1/cgroups/0/work/1");
    CHECK_FALSE(plan.disk);
    REQUIRE(plan.scenario.kernel);
    CHECK(plan.scenario.kernel->Text() == ">=6.6 with virtio_net");
  }
  const LoadedPlan none("version: 1\n" + Work("{type: IoSync}"));
  CHECK_FALSE(none.plans.front()->nics);
}

TEST_CASE("network cards on the virtual clock are a diagnostic at the work that needs them") {
  const Diagnostic diagnostic = Fault("clock: virtual\n" + Work("{type: IrqWake}"));
  CHECK(diagnostic.path == "steps/1/cgroups/0/work/1");
  CHECK(diagnostic.message ==
        "frames arrive at moments of the host's time, which the virtual clock does not follow");
  CHECK(diagnostic.hint == "use `clock: wall` for work that sends frames");
}

TEST_CASE("a frame has 60 to 1514 bytes, IrqWake an interval and pairs") {
  const auto message = [](const std::string& work) { return Fault(Work(work)).message; };
  for (const char* type : {"NetTraffic", "IrqWake"})
    for (const char* bytes : {"59", "1515"})
      CHECK(message("{type: " + std::string(type) + ", frame_bytes: " + bytes + "}") ==
            std::string(bytes) + " is out of range: it must be between 60 and 1514 bytes");
  CHECK(message("{type: IrqWake, interval_us: 0}") ==
        "0 is out of range: it must be between 1 and 1000000000 us");
  CHECK(message("{type: IrqWake, workers: 3}") ==
        "IrqWake works in groups of 2; 3 is not a multiple of that");
  const LoadedPlan plan("version: 1\n" + Work("{type: NetTraffic, interval_us: 0, frame_bytes: 1514}"));
  CHECK(plan.diagnostics.empty());
}
