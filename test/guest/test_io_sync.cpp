// IoSync in a real guest: on a kernel with the driver it writes to the host's file, on one without it the run
// is skipped before any machine starts.
#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"

namespace ktstr::test {
namespace {

constexpr const char* kWrites =
    "topology: 1n1l1c1t\n"
    "steps:\n  - {name: io, cgroups: [{name: disk, work: [{type: IoSync, workers: 2}]}], hold: 1s}\n";

TEST_CASE("IoSync writes to a disk of the host and says which") {
  const auto kernel = CachedKernel("built");
  REQUIRE(kernel);
  GuestRun run(kWrites, {"--kernel", kernel->image.string()});
  run.Finish("PASS");
  const Json reports = run.Reports();
  REQUIRE(reports.size() == 2);
  for (const Json& entry : reports) {
    const Json& report = entry.at("report");
    CHECK_THAT(report.at("storage").get<std::string>(),
               Catch::StartsWith("virtio-blk disk vda of 64 MiB, write back; on the host a file on "));
    CHECK(report.at("iterations").get<std::uint64_t>() > 0);
    CHECK(report.at("iteration_cost_sample_total") == report.at("iterations"));
  }
}

TEST_CASE("IoSync on a kernel without the driver is a skip with the reason") {
  const auto kernel = CachedKernel("debian");
  REQUIRE(kernel);
  GuestRun run(kWrites, {"--kernel", kernel->image.string()});
  run.Finish("SKIP");
  CHECK(run.cause() == "needs virtio_blk, which kernel " + kernel->version +
                           " does not have; `ktstr-interp kernel build` makes one that has it all");
  CHECK(run.Text("console.txt").empty());
}

}  // namespace
}  // namespace ktstr::test
