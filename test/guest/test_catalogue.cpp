// The scenarios that ship, and two that must not pass.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <regex>

#include "test/checkout.h"
#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"

namespace ktstr::test {
namespace {

CliResult Run(const std::string& path, const TempDir& dir) {
  return RunCli({"run", path, "--accel", "tcg", "--out", (dir.path() / "out").string(), "--format", "json"},
                {"TMPDIR=" + dir.path().string()});
}

// One theme a ctest entry (tests.cmake), so that themes run side by side.
TEST_CASE("every scenario of a theme passes", "[.catalogue]") {
  const char* theme = std::getenv("KTSTR_THEME");
  REQUIRE(theme != nullptr);
  if (theme == std::string_view("sched-ext") && CachedKernel("built") && !HaveSchedulers())
    return Skip("no schedulers were built");
  const std::filesystem::path folder = std::filesystem::path(kSourceDir) / "scenarios" / theme;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    files += entry.path().extension() == ".yaml" ? 1 : 0;
  const TempDir dir;
  const CliResult run = Run(folder.string(), dir);
  INFO(run.err);
  const Json report = Json::parse(run.out);
  CHECK(report.at("results").size() >= files);  // a matrix gives more
  for (const Json& result : report.at("results")) {
    INFO(result.at("file") << " " << result.at("variant") << ": " << result.at("cause"));
    CHECK(result.at("verdict") == "PASS");
    CHECK(result.at("warnings") == Json::array());
  }
  CHECK(run.exit_code == 0);
  CHECK(ProcessesWith(dir.path().string()).empty());
}

/// A scenario of test/guest/scenarios on the terminal's format: its first line, paths shortened.
void ExpectFirstLine(const std::string& name, int exit_code, const std::string& pattern) {
  const TempDir dir;
  const std::string file = std::string(kSourceDir) + "/test/guest/scenarios/" + name;
  const CliResult run = RunCli({"run", file, "--accel", "tcg", "--out", (dir.path() / "out").string()},
                               {"TMPDIR=" + dir.path().string()});
  CHECK(run.exit_code == exit_code);
  INFO(run.out);
  std::string line = FirstLine(run.out);
  const std::size_t at = line.find(kSourceDir);
  REQUIRE(at != std::string::npos);
  line.erase(at, std::string(kSourceDir).size() + 1);
  CHECK_THAT(line, Catch::Matches(pattern));
  CHECK(std::count(run.out.begin(), run.out.end(), '\n') <= 16);  // 15 of the report, one of totals
  CHECK(run.out.find("  next   ") != std::string::npos);
  CHECK(ProcessesWith(dir.path().string()).empty());
}

TEST_CASE("a scenario that must fail fails and says why first") {
  ExpectFirstLine("must-fail.yaml", 1,
                  R"(FAIL test/guest/scenarios/must-fail\.yaml: avg_off_cpu_pct of cgroup capped in phase )"
                  R"(capped is [0-9.]+ ?%, above the maximum of 10 ?%)");
}

TEST_CASE("a scenario that must break breaks and says why first") {
  ExpectFirstLine(
      "must-error.yaml", 2,
      R"(ERROR test/guest/scenarios/must-error\.yaml: the guest kernel panicked: sysrq triggered crash)");
}

}  // namespace
}  // namespace ktstr::test
