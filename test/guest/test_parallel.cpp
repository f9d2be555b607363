// Several scenarios at a time: real guests, one of which comes to a bad end.
#include <signal.h>

#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

/// `run -j N` of a directory with these scenarios, named by their file.
class DirectoryRun {
 public:
  DirectoryRun(const std::vector<std::pair<std::string, std::string>>& scenarios, const std::string& jobs) {
    for (const auto& [name, yaml] : scenarios)
      WriteFile(dir_.path(), name + ".yaml", "version: 1\nname: " + name + "\n" + yaml);
    std::filesystem::create_directory(dir_.path() / "tmp");
    const std::vector<std::string> args = {"run",   dir_.path().string(),
                                           "--out", (dir_.path() / "out").string(),
                                           "-j",    jobs,
                                           "-v",    "--format",
                                           "json",  "--accel",
                                           "tcg"};
    process_ = std::make_unique<CliProcess>(args, std::vector{"TMPDIR=" + (dir_.path() / "tmp").string()});
  }
  CliProcess& process() { return *process_; }

  /// Waits for the end; "a PASS, b ERROR: the cause, ..." in the order of the report.
  std::string Finish(int exit_code) {
    const int code = process_->Finish();
    INFO(process_->err());
    CHECK(code == exit_code);
    report_ = Json::parse(process_->out(), nullptr, /*allow_exceptions=*/false);
    REQUIRE(report_.is_object());
    CHECK(std::filesystem::is_empty(dir_.path() / "tmp"));
    std::string text;
    for (const Json& result : report_.at("results")) {
      const std::string cause = result.at("cause");
      text += (text.empty() ? "" : ", ") + result.at("name").get<std::string>() + " " +
              result.at("verdict").get<std::string>() + (cause.empty() ? "" : ": " + cause);
    }
    return text;
  }
  [[nodiscard]] const Json& report() const { return report_; }

 private:
  TempDir dir_;
  std::unique_ptr<CliProcess> process_;
  Json report_;
};

std::string Holds(const std::string& phase, const std::string& time) {
  return "steps: [{name: " + phase + ", hold: " + time + "}]\n";
}

TEST_CASE("run -j 2: a guest that panics takes no other with it") {
  const std::string panics =
      "payloads: {boom: {binary: sh, args: [-c, 'echo c > /proc/sysrq-trigger']}}\n"
      "steps: [{name: one, ops: [{RunPayload: {payload: boom}}], hold: 10s}]\n";
  DirectoryRun run({{"a", Holds("one", "300ms")},
                    {"b", panics},
                    {"c", Holds("one", "100ms")},
                    {"d", Holds("one", "100ms")},
                    {"e", Holds("one", "100ms")}},
                   "2");
  CHECK(run.Finish(2) ==
        "a PASS, b ERROR: the guest kernel panicked: sysrq triggered crash, c PASS, d PASS, e PASS");
  // Once there is a template, the next clone is made ready ahead; for whom it then is depends on who ends
  // first.
  int prepared = 0;
  for (const std::size_t i : {2, 3, 4}) {
    const Json& host = run.report()["results"][i]["host"];
    prepared += host["prepared"] == true ? 1 : 0;
    const std::string end = host["prepared"] == true ? ", prepared" : "";
    if (host["started"] != "boot")
      CHECK_THAT(host["started"].get<std::string>(),
                 Catch::Matches("clone of [0-9a-f]{16} in [0-9]+ ms" + end));
    CHECK_THAT(host["cpu_quality"].get<std::string>(), Catch::Matches("good|fair|poor"));
  }
  CHECK(prepared >= 1);
}

TEST_CASE("run -j 2: a QEMU that is killed is one scenario's error") {
  DirectoryRun run({{"a", Holds("one-a", "60s")}, {"b", Holds("one-b", "100ms")}}, "2");
  REQUIRE(run.process().WaitForOutput("phase_begin  one-a"));
  REQUIRE(run.process().WaitForOutput("verdict      PASS"));  // b's machine is gone
  const std::vector<pid_t> machines = run.process().Children();
  REQUIRE(machines.size() == 1);
  ::kill(machines.front(), SIGKILL);
  CHECK(run.Finish(2) == "a ERROR: QEMU was killed by SIGKILL, b PASS");
}

TEST_CASE("run -j 64 on a small host runs all of them") {
  std::vector<std::pair<std::string, std::string>> scenarios;
  std::string expected;
  for (char name = 'a'; name <= 'h'; ++name) {
    scenarios.emplace_back(std::string(1, name), Holds("one", "50ms"));
    expected += std::string(expected.empty() ? "" : ", ") + name + " PASS";
  }
  DirectoryRun run(scenarios, "64");
  CHECK(run.Finish(0) == expected);
  CHECK_THAT(run.process().err(), Catch::Contains("jobs: 8 (as asked for; memory for "));
}

TEST_CASE("run -j 2: Ctrl-C ends both, leaves no QEMU, and lists what was not run") {
  DirectoryRun run({{"a", Holds("one-a", "60s")},
                    {"b", Holds("one-b", "60s")},
                    {"c", Holds("one-c", "60s")},
                    {"d", Holds("one-d", "60s")}},
                   "2");
  REQUIRE(run.process().WaitForOutput("phase_begin  one-a"));
  REQUIRE(run.process().WaitForOutput("phase_begin  one-b"));
  const std::vector<pid_t> machines = run.process().Children();
  CHECK(machines.size() >= 2);  // and what is made ready for c and d
  run.process().Signal(SIGINT);
  CHECK(run.Finish(2) == "a ERROR: interrupted by SIGINT, b ERROR: interrupted by SIGINT");
  CHECK(run.report()["not_run"].size() == 2);
  for (const pid_t machine : machines) CHECK(::kill(machine, 0) == -1);
}

}  // namespace
}  // namespace ktstr::test
