// A machine gets a disk when, and only when, a worker writes to one; with what follows from that.
#include <catch2/catch.hpp>

#include "test/unit/interpreter/plan/loaded_plan.h"

using namespace ktstr;

namespace {

constexpr const char* kSpin = "steps:\n  - {cgroups: [{name: a, work: [{type: SpinWait}]}], hold: 1s}\n";
constexpr const char* kIo =
    "steps:\n"
    "  - {hold: 1s}\n"
    "  - {cgroups: [{name: a, work: [{type: SpinWait}, {type: IoSync}]}], hold: 1s}\n";

}  // namespace

TEST_CASE("a plan asks for a disk, and for a kernel that can use it, when a worker writes to one") {
  const LoadedPlan io(std::string("version: 1\nkernel: \">=6.6\"\n") + kIo);
  REQUIRE(io.diagnostics.empty());
  const RunPlan& plan = *io.plans.front();
  REQUIRE(plan.disk);
  CHECK(plan.disk->path == "steps/1/cgroups/0/work/1");
  REQUIRE(plan.scenario.kernel);
  CHECK(plan.scenario.kernel->Text() == ">=6.6 with virtio_blk");

  const LoadedPlan spin(std::string("version: 1\n") + kSpin);
  CHECK_FALSE(spin.plans.front()->disk);
  CHECK_FALSE(spin.plans.front()->scenario.kernel);
}

TEST_CASE("a disk on the virtual clock is a diagnostic at the work that needs it") {
  const LoadedPlan io(std::string("version: 1\nclock: virtual\n") + kIo);
  REQUIRE(io.diagnostics.items().size() == 1);
  const Diagnostic& diagnostic = io.diagnostics.items().front();
  CHECK(diagnostic.path == "steps/1/cgroups/0/work/1");
  CHECK(diagnostic.message ==
        "a disk answers at moments of the host's time, which the virtual clock does not follow");
  CHECK(diagnostic.hint == "use `clock: wall` for work that writes to a disk");
}
