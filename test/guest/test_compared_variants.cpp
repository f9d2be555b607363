// Variants that are compared with each other, each in a guest of its own.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <regex>

#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"

namespace ktstr::test {
namespace {

TEST_CASE(
    "a scheduler under which a task gets nothing done fails against the kernel's own, by the same check") {
  if (!HaveSchedulers()) return Skip("no schedulers were built");
  const TempDir dir;
  const std::string file =
      WriteFile(dir.path(), "s.yaml",
                "version: 1\ntopology: 1n1l2c1t\n"
                "schedulers: {forgets: {use: ktstr_scx, args: [--fault, forget, --victim, victim]}}\n"
                "matrix: {scheduler: [forgets, eevdf]}\n"
                "defaults: {no_stall: off, progress: off}\n"
                "steps:\n"
                "  - name: both\n"
                "    cgroups:\n"
                "      - {name: other, work: [{type: SpinWait}]}\n"
                "      - {name: alone, work: [{type: SpinWait, comm: victim}]}\n"
                "    hold: 2s\n"
                "checks:\n"
                "  - {metric: iterations, cgroup: other, vs_variant: eevdf, min_ratio: 0.1}\n"
                "  - {metric: iterations, cgroup: alone, vs_variant: eevdf, min_ratio: 0.1}\n");
  const auto run = RunCli({"run", file, "--variant", "forgets", "--out", (dir.path() / "out").string()});
  INFO(run.out + run.err);
  // On a poor host a throughput that is too low decides nothing.
  CHECK((run.exit_code == 1 || run.exit_code == 2));
  CHECK(std::regex_search(run.out, std::regex("PASS [^ ]*s\\.yaml#eevdf ")));
  // A few iterations it may get done before it has the name of the victim.
  CHECK(std::regex_search(
      run.out,
      std::regex("iterations of cgroup alone is \\d{1,3}, [0-9.e-]+ times the \\d+ of variant eevdf, "
                 "below the minimum ratio of 0\\.1")));
  const Json checks = Json::parse(ReadFile(dir.path() / "out/latest/s@forgets/checks.json"));
  int passed = 0;
  for (const Json& check : checks)
    if (check.at("check") == "iterations" && check.at("cgroup") == "other" && check.at("verdict") == "PASS")
      ++passed;
  CHECK(passed == 1);
}

}  // namespace
}  // namespace ktstr::test
