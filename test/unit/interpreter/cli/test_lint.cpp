#include "interpreter/cli/lint.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"

using namespace ktstr;
using namespace ktstr::test;

TEST_CASE("lint finds every mistake of every file in one pass") {
  const WorkDir dir;
  WriteText("s/bad.yaml", R"(version: 1
steps:
  - name: warm
    cgroups:
      - {name: hot, work: [{type: SpinWiat}]}
    hodl: 1s
  - ops:
      - SetCpuset: {cgroup: hto, cpus: {llc: 0}}
)");
  WriteText("s/good.yaml", kTinyScenario);
  WriteText("s/syntax.yaml", "version: 1\nsteps: [\n");
  const CliResult result = Cli({"lint", "s"});
  CHECK(result.code == 1);
  CHECK(result.err == "4 errors in 2 of 3 files\n");
  CHECK(result.out == R"(s/bad.yaml:5:35: error[unknown-name]: there is no work type 'SpinWiat'
     5 |       - {name: hot, work: [{type: SpinWiat}]}
       |                                   ^~~~~~~~ did you mean 'SpinWait'?
s/bad.yaml:6:5: error[unknown-key]: unknown key 'hodl' in Step
     6 |     hodl: 1s
       |     ^~~~ did you mean 'hold'?
s/bad.yaml:8:29: error[unknown-name]: no cgroup 'hto' is alive at this point
     8 |       - SetCpuset: {cgroup: hto, cpus: {llc: 0}}
       |                             ^~~ those of earlier steps ended with their steps
s/syntax.yaml:3:1: error[syntax]: a '[' is not closed before this
       add the missing ']'
s/syntax.yaml:2:8: note: this '[' is still open
     2 | steps: [
       |        ^
)");
}

TEST_CASE("Mistakes of writing do not hide mistakes of names") {
  const WorkDir dir;
  WriteText("bad.yaml", R"(version: 1
timeout: 10
steps:
  - name: warm
    cgroups:
      - {name: hot, cpuset: {llc: 0}}
    hold: 1s
    checks:
      - {metric: max_gap, max: 2s}
  - ops:
      - RemoveCgroup: {cgroup: hto}
)");
  const CliResult result = Cli({"lint", "bad.yaml"});
  CHECK(result.err == "3 errors in 1 of 1 file\n");
  CHECK(result.out.starts_with("bad.yaml:2:10: error[bad-value]: "));
  CHECK(result.out.find("bad.yaml:9:18: error[unknown-name]: there is no metric 'max_gap'\n") !=
        std::string::npos);
  CHECK(result.out.find("bad.yaml:11:32: error[unknown-name]: no cgroup 'hto' is alive at this point\n") !=
        std::string::npos);
}

TEST_CASE("lint is silent about a clean directory") {
  const WorkDir dir;
  WriteText("s/good.yaml", kTinyScenario);
  const CliResult result = Cli({"lint", "s"});
  CHECK(result.code == 0);
  CHECK(result.out.empty());
  CHECK(result.err == "1 file, no errors\n");
}

TEST_CASE("What cannot be read is an error of its own, and does not hide the rest") {
  const WorkDir dir;
  WriteText("empty/readme.txt", "");
  WriteText("bad.yaml", "version: 2\nsteps: [{hold: 1s}]\n");
  const CliResult result = Cli({"lint", "missing.yaml", "empty", "bad.yaml", "/dev/null"});
  CHECK(result.code == 2);
  CHECK(result.err == "4 errors in 3 of 3 files\n");
  CHECK(result.out == R"(empty: error[no-scenario]: no scenario (*.yaml, *.yml) in this directory
missing.yaml: error[unreadable]: no such file
bad.yaml:1:10: error[out-of-range]: 2 is out of range: it must be between 1 and 1
     1 | version: 2
       |          ^
/dev/null: error[unreadable]: is not a regular file
)");
}

TEST_CASE("lint speaks JSON, SARIF and GitHub") {
  const WorkDir dir;
  WriteText("bad.yaml", "version: 1\nsteps: [{hodl: 1s}]\n");
  CHECK(Cli({"lint", "--format", "json", "bad.yaml"}).out.find("\"code\": \"unknown-key\"") !=
        std::string::npos);
  CHECK(Cli({"lint", "--format", "sarif", "bad.yaml"}).out.find("\"ruleId\": \"unknown-key\"") !=
        std::string::npos);
  CHECK(Cli({"lint", "--format", "github", "bad.yaml"}).out.starts_with("::error file=bad.yaml,line=2,"));
}

TEST_CASE("The diagnostics of many files come in the order of the files") {
  const WorkDir dir;
  for (int i = 0; i < 200; ++i) WriteText("s/" + std::to_string(1000 + i) + ".yaml", "version: 1\n");
  const std::vector<std::string> paths = {"s"};
  const LintReport report = LintPaths(paths, false);
  REQUIRE(report.diagnostics.size() == 200);
  for (std::size_t i = 0; i < 200; ++i)
    REQUIRE(report.diagnostics[i].file == "s/" + std::to_string(1000 + i) + ".yaml");
  CHECK(LintSummary(report) == "200 errors in 200 of 200 files");
}

TEST_CASE("Warnings are counted but do not fail") {
  LintReport report;
  report.files = 2;
  report.warnings = 1;
  CHECK(LintSummary(report) == "no errors, 1 warning in 2 files");
  CHECK(LintExitCode(report) == 0);
  report.errors = 1;
  report.faulty_files = 1;
  CHECK(LintSummary(report) == "1 error, 1 warning in 1 of 2 files");
  CHECK(LintExitCode(report) == 1);
  LintReport nothing;
  nothing.errors = 1;
  nothing.unreadable = true;
  CHECK(LintSummary(nothing) == "1 error, no scenario found");
  CHECK(LintExitCode(nothing) == 2);
}
