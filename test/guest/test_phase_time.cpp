// What belongs to a phase, and what a reservation or a neighbour leaves of it.
#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

TEST_CASE("a phase whose first Op shrinks the cpuset has only the CPUs that are left") {
  GuestRun run(
      "topology: 1n1l4c1t\n"
      "backdrop: {cgroups: [{name: hot, cpuset: 0-3, work: [{type: SpinWait, workers: 4}]}]}\n"
      "steps:\n"
      "  - {name: wide, hold: 500ms, checks: [{metric: num_cpus, cgroup: hot, min: 3}]}\n"
      "  - {name: narrow, ops: [{SetCpuset: {cgroup: hot, cpus: 0-1}}], hold: 500ms,\n"
      "     checks: [{metric: num_cpus, cgroup: hot, max: 2}]}\n");
  run.Finish("PASS");
}

TEST_CASE("cgroups without any cpu key share the CPU as groups, not as workers") {
  GuestRun run(
      "topology: 1n1l1c1t\n"
      "steps:\n"
      "  - name: share\n"
      "    cgroups:\n"
      "      - {name: one, work: [{type: SpinWait}]}\n"
      "      - {name: four, work: [{type: SpinWait, workers: 4}]}\n"
      "    hold: 2s\n"
      "    checks: [{metric: avg_off_cpu_pct, cgroup: one, max: 65, because: half of the CPU is its "
      "share}]\n");
  run.Finish("PASS");
}

TEST_CASE("a throttled deadline worker is collected and hides no other cause") {
  GuestRun run(
      "topology: 1n1l1c1t\n"
      "clock: virtual\n"
      "steps:\n"
      "  - name: work\n"
      "    cgroups: [{name: dl, work: [{type: SpinWait, policy: deadline, deadline: {runtime: 200ms, "
      "deadline: 1s}}]}]\n"
      "    hold: 2s\n"
      "    checks: [{metric: iterations, cgroup: dl, max: 0}]\n");
  run.Finish("FAIL");
  CHECK_THAT(run.cause(), Catch::StartsWith("iterations of cgroup dl in phase work is "));
  const Json report = run.Reports().at(0).at("report");
  CHECK(report.at("completed") == true);
  CHECK(report.at("wall_ns").get<std::uint64_t>() < 3'000'000'000);
}

}  // namespace
}  // namespace ktstr::test
