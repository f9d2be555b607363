#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "interpreter/load/find_scenarios.h"
#include "interpreter/report/run_directory.h"
#include "interpreter/run/signals.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"
#include "test/unit/interpreter/report/test_report_runs.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

namespace fs = std::filesystem;

/// Files larger than `bytes` cannot be written while it lives: what a full disk looks like to write().
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit limit = {bytes, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_ = {};
};

RunEvent Event(EventKind kind, const char* text) {
  RunEvent event;
  event.kind = kind;
  event.host_us = 7;
  event.text = text;
  return event;
}

std::vector<std::string> Names(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("Each invocation has a directory of its own; latest leads to the newest") {
  const WorkDir dir;
  const auto first = ResultsDirectory::Create("out/runs");
  REQUIRE(first.ok());
  CHECK(fs::equivalent("out/runs/latest", first->path()));
  CHECK(fs::exists(first->path() / kResultsMark));
  const auto second = ResultsDirectory::Create("out/runs");  // within the same second
  REQUIRE(second.ok());
  CHECK(second->path() != first->path());
  CHECK(fs::equivalent("out/runs/latest", second->path()));
  CHECK(fs::read_symlink("out/runs/latest") == second->path().filename());  // still right when out/ is moved
  CHECK(second->latest_fault().empty());
}

TEST_CASE("A `latest` that is the user's own file is left alone, and said") {
  const WorkDir dir;
  WriteText("runs/latest", "precious");
  const auto results = ResultsDirectory::Create("runs");
  REQUIRE(results.ok());
  CHECK(results->latest_fault() == "'runs/latest' is no link of ours and is left as it is");
  CHECK(ReadText("runs/latest") == "precious");
  CHECK(fs::is_directory(results->path()));
}

TEST_CASE("A `latest` that is the user's own directory is left alone, and said") {
  const WorkDir dir;
  WriteText("runs/latest/precious", "x");
  const auto results = ResultsDirectory::Create("runs");
  REQUIRE(results.ok());
  CHECK(results->latest_fault() == "'runs/latest' is no link of ours and is left as it is");
  CHECK(ReadText("runs/latest/precious") == "x");
  CHECK(Names("runs").size() == 2);  // nothing half-made is left
}

TEST_CASE("A results directory that cannot be made is an error") {
  const WorkDir dir;
  WriteText("file", "x");
  const auto results = ResultsDirectory::Create("file/runs");
  REQUIRE_FALSE(results.ok());
  CHECK(results.error().kind == ErrorKind::kEnvironment);
  CHECK(results.error().message == "the results directory 'file/runs' cannot be made: Not a directory");
  CHECK(ResultsDirectory::Create("file").error().message ==
        "the results directory 'file' cannot be made: Not a directory");
}

TEST_CASE("A results directory that came as a link is not written through") {
  const WorkDir dir;
  fs::create_directory("elsewhere");
  fs::create_directory_symlink("elsewhere", "runs");
  CHECK(ResultsDirectory::Create("runs").error().message ==
        "the results directory 'runs' cannot be made: it is a link; where it leads is used when you name it "
        "with a slash: --out runs/");
  CHECK(fs::is_empty("elsewhere"));
  CHECK(ResultsDirectory::Create("runs/").ok());
}

TEST_CASE("Runs get readable names that never meet") {
  const WorkDir dir;
  auto results = ResultsDirectory::Create("runs");
  REQUIRE(results.ok());
  const auto name = [&](const char* scenario, const char* variant, std::uint32_t repeat) {
    return results->NewRun(scenario, variant, repeat).filename().string();
  };
  CHECK(name("shrink", "", 0) == "shrink");
  CHECK(name("shrink", "1n2l2c1t,virtual", 3) == "shrink@1n2l2c1t,virtual#3");
  CHECK(name("shrink", "", 0) == "shrink~2");  // another file with the same name
  CHECK(name("..", "", 0) == "_.");
  CHECK(name("a/b c", "", 0) == "a_b_c");
}

TEST_CASE("Everything of a run is kept") {
  const WorkDir dir;
  RunDirectory directory("r");
  directory.WriteInputs("version: 1\n", "the plan\n");
  directory.OnEvent(Event(EventKind::kStarted, "kernel"));
  directory.OnEvent(Event(EventKind::kVerdict, "FAIL: said \xFF"));
  directory.OnConsole("Linux ");
  directory.OnConsole("version\n");
  directory.OnPayloadOutput(3, "a/b", Stream::kStderr, "oops");
  directory.OnPayloadOutput(3, "a/b", Stream::kStdout, "fine");
  FinishedRun failed = FailedRun();
  directory.WriteResults(failed);
  CHECK(directory.fault().empty());
  CHECK(Names("r") == std::vector<std::string>{"checks.json", "console.txt", "events.jsonl",
                                               "payload-3-a_b.stderr", "payload-3-a_b.stdout", "plan.txt",
                                               "reports.json", "scenario.yaml", "stats.json",
                                               "verdict.json"});
  CHECK(ReadText("r/events.jsonl") ==
        R"({"kind":"started","host_us":7,"clock_ns":0,"phase":0,"path":"","text":"kernel"}
{"kind":"verdict","host_us":7,"clock_ns":0,"phase":0,"path":"","text":"FAIL: said \ufffd"}
)");
  CHECK(ReadText("r/console.txt") == "Linux version\n");
  CHECK(ReadText("r/payload-3-a_b.stderr") == "oops");
  CHECK(ReadText("r/scenario.yaml") == "version: 1\n");
  CHECK(ReadText("r/plan.txt") == "the plan\n");
  const auto verdict = nlohmann::json::parse(ReadText("r/verdict.json"));
  CHECK(verdict["verdict"] == "FAIL");
  CHECK(verdict["place"] == "cpuset/shrink.yaml:41:7");
  CHECK(nlohmann::json::parse(ReadText("r/checks.json")).size() == 6);
  CHECK(nlohmann::json::parse(ReadText("r/stats.json"))["phases"][0]["label"] == "shrink");
  CHECK(nlohmann::json::parse(ReadText("r/reports.json"))["phases"].size() == 3);
  CHECK_FALSE(fs::exists("r/crash.txt"));  // nothing crashed
}

TEST_CASE("The payloads' output is not kept twice") {
  const WorkDir dir;
  FinishedRun run = PassedRun();
  run.outcome.record.payloads.emplace_back();
  run.outcome.record.payloads[0].name = "stress";
  run.outcome.record.payloads[0].stderr_text = "much";
  RunDirectory directory("r");
  directory.WriteResults(run);
  const auto payload = nlohmann::json::parse(ReadText("r/reports.json"))["payloads"][0];
  CHECK(payload["name"] == "stress");
  CHECK_FALSE(payload.contains("stderr_text"));
}

TEST_CASE("A disk that fills up is said once, and what still fits is kept") {
  const WorkDir dir;
  const auto watch = SignalWatch::Start();  // else SIGXFSZ would end the tests
  REQUIRE(watch.ok());
  RunDirectory directory("r");
  directory.WriteInputs("version: 1\n", "the plan\n");
  {
    const FileSizeLimit limit(100);
    directory.OnConsole(std::string(60, 'a'));
    directory.OnConsole(std::string(60, 'b'));  // 40 of these fit
    directory.OnConsole("c");
    directory.OnEvent(Event(EventKind::kVerdict, "PASS"));
  }
  directory.OnConsole("d");  // there is room again, but a text with a hole would mislead
  FinishedRun run = PassedRun();
  directory.WriteResults(run);
  CHECK(run.outcome.verdict == Verdict::kPass);  // only a log is cut
  CHECK(directory.fault() == "File too large (writing console.txt)");
  CHECK(ReadText("r/console.txt") == std::string(60, 'a') + std::string(40, 'b'));
  CHECK(ReadText("r/events.jsonl").ends_with("\"text\":\"PASS\"}\n"));
  CHECK(ReadText("r/checks.json") == "[]\n");
}

TEST_CASE("A run whose results cannot be kept has not passed") {
  const WorkDir dir;
  RunDirectory directory("missing/r");
  directory.WriteInputs("", "");
  directory.OnConsole("x");
  FinishedRun passed = PassedRun();
  directory.WriteResults(passed);
  CHECK(directory.fault() == "No such file or directory (making r)");
  CHECK(passed.outcome.verdict == Verdict::kError);
  CHECK(passed.outcome.cause == "No such file or directory (making r)");
  FinishedRun failed = FailedRun();
  directory.WriteResults(failed);
  CHECK(failed.outcome.verdict == Verdict::kFail);  // was seen all the same
}

TEST_CASE("No verdict that says PASS is left of a run whose results are lost") {
  const WorkDir dir;
  const auto watch = SignalWatch::Start();  // else SIGXFSZ would end the tests
  REQUIRE(watch.ok());
  FinishedRun run = PassedRun();
  RunDirectory("whole").WriteResults(run);
  run.outcome.record.payloads.emplace_back();
  run.outcome.record.payloads[0].name = std::string(100'000, 'x');  // what reports.json has no room for
  {
    // The verdict fits, but not the one that also says what was lost.
    const FileSizeLimit limit(fs::file_size("whole/verdict.json"));
    RunDirectory("r").WriteResults(run);
  }
  CHECK(run.outcome.verdict == Verdict::kError);
  CHECK(run.results_lost);
  CHECK(Names("r").front() == "checks.json");
  CHECK_FALSE(fs::exists("r/verdict.json"));
}

TEST_CASE("A console that floods is cut") {
  const WorkDir dir;
  RunDirectory directory("r");
  const std::string chunk(std::size_t{1} << 20, 'x');
  for (int i = 0; i < 65; ++i) directory.OnConsole(chunk);
  CHECK(fs::file_size("r/console.txt") == kMaxConsoleFile);
  CHECK(directory.fault() == "File too large (writing console.txt)");
}
