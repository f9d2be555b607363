// kill -9 in the middle of a directory run: nothing runs on, no file is half a file, and `run --resume` does
// the rest.
#include <signal.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNames[] = {"a", "b", "c", "d"};

void WriteScenarios(const fs::path& dir) {
  fs::create_directory(dir / "s");
  for (const char* name : kNames)
    WriteFile(dir / "s", std::string(name) + ".yaml",
              std::string("version: 1\nname: ") + name + "\nsteps: [{hold: 100ms}]\n");
  fs::create_directory(dir / "tmp");
}

/// The runs that were finished when the program was killed, and their verdicts as they stand in the file.
std::map<std::string, std::string> FinishedRuns(const fs::path& results) {
  std::map<std::string, std::string> finished;
  for (const char* name : kNames)
    if (fs::exists(results / name / "reports.json"))
      finished[name] = ReadFile(results / name / "verdict.json");
  return finished;
}

void ExpectWholeFiles(const fs::path& results) {
  for (const auto& entry : fs::recursive_directory_iterator(results)) {
    if (entry.path().extension() != ".json") continue;
    INFO(entry.path());
    CHECK_FALSE(Json::parse(ReadFile(entry.path()), nullptr, false).is_discarded());
  }
}

TEST_CASE("a directory run that is killed is finished by --resume") {
  const std::string moment = GENERATE("kernel ", "  started ", "phase_begin  step1", "PASS ", "results");
  INFO("killed at '" << moment << "'");
  const TempDir dir;
  WriteScenarios(dir.path());
  const std::vector<std::string> env = {"TMPDIR=" + (dir.path() / "tmp").string()};
  {
    CliProcess run(
        {"run", (dir.path() / "s").string(), "--out", (dir.path() / "out").string(), "-v", "--accel", "tcg"},
        env);
    run.WaitForOutput(moment);
    run.Signal(SIGKILL);
    run.Finish();
  }
  REQUIRE(WaitUntil([&] { return ProcessesWith(dir.path().string()).empty(); }));
  const fs::path results = dir.path() / "out" / fs::read_symlink(dir.path() / "out" / "latest");
  ExpectWholeFiles(results);
  const std::map<std::string, std::string> finished = FinishedRuns(results);
  const CliResult resumed = RunCli({"run", "--resume", results.string()}, env);
  INFO(resumed.out << resumed.err);
  CHECK(resumed.exit_code == 0);
  CHECK_THAT(resumed.out, Catch::Contains("4 passed in "));
  for (const auto& [name, verdict] : finished) CHECK(ReadFile(results / name / "verdict.json") == verdict);
  for (const char* name : kNames)
    CHECK(Json::parse(ReadFile(results / name / "verdict.json")).at("verdict") == "PASS");
  CHECK(fs::is_empty(dir.path() / "tmp"));  // what the killed one left is gone, too
}

}  // namespace
}  // namespace ktstr::test
