// Work groups that have a name: told apart in results and checks.
#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

TEST_CASE(
    "two named work groups of one cgroup have rows of their own, and a check finds the one that fails") {
  GuestRun run(
      "topology: 1n1l1c1t\n"
      "steps:\n"
      "  - name: compete\n"
      "    cgroups:\n"
      "      - name: shared\n"
      "        work: [{name: front, type: SpinWait}, {name: back, type: SpinWait, nice: 15}]\n"
      "    hold: 2s\n"
      "    checks:\n"
      "      - {metric: avg_off_cpu_pct, cgroup: shared, max: 90}\n"
      "      - {metric: avg_off_cpu_pct, cgroup: shared, group: front, max: 50}\n"
      "      - {metric: avg_off_cpu_pct, cgroup: shared, group: back, max: 50}\n");
  run.Finish("FAIL");
  CHECK_THAT(run.first_line(),
             Catch::Matches("FAIL scenario\\.yaml: avg_off_cpu_pct of group back of cgroup shared in phase "
                            "compete is [0-9.]+%, above the maximum of 50%"));
  const Json stats = run.result().at("stats");
  REQUIRE(stats.at("groups").size() == 2);
  CHECK(stats.at("cgroups").size() == 1);
  const auto iterations = [](const Json& rows, std::size_t row, const char* name) {
    CHECK(rows.at(row).at("cgroup") == "shared");
    CHECK(rows.at(row).at("group") == name);
    return rows.at(row).at("metrics").at("iterations").get<double>();
  };
  const double front = iterations(stats.at("groups"), 0, "front");
  const double back = iterations(stats.at("groups"), 1, "back");
  CHECK(front > 5 * back);
  CHECK(iterations(stats.at("cgroups"), 0, "") == front + back);
  const Json phase = stats.at("phases").back();
  REQUIRE(phase.at("label") == "compete");
  CHECK(iterations(phase.at("per_group"), 1, "back") <= back);
}

}  // namespace
}  // namespace ktstr::test
