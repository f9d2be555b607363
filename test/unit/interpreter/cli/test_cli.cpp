#include <fcntl.h>

#include <sstream>

#include "guest-init/base/fd.h"
#include "interpreter/cli/cli_select.h"
#include "interpreter/report/descriptor_stream.h"
#include "test/checkout.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

const std::string kMatrixScenario = R"(version: 1
name: shrink
description: |
  Half the CPUs are taken.
  Nobody starves.
tags: [cpuset, slow]
kernel: ">=6.12"
steps:
  - name: warm
    cgroups:
      - {name: hot, cpuset: {llc: 0}, work: [{type: SpinWait, workers: 2}]}
    hold: 2s
matrix:
  topology: [1n2l2c1t, 1n1l2c1t]
)";

void WriteBoth() {
  WriteText("s/cpuset/shrink.yaml", kMatrixScenario);
  WriteText("s/tiny.yaml", kTinyScenario);
}

}  // namespace

TEST_CASE("Usage errors are two lines: what is wrong, and what to do") {
  const WorkDir dir;
  struct Case {
    std::vector<std::string> args;
    std::string text;
  };
  const Case cases[] = {
      {{}, "ktstr-interp: a command is needed\n  see ktstr-interp --help\n"},
      {{"rnu"}, "ktstr-interp: unknown command 'rnu'\n  did you mean 'run'?\n"},
      {{"xyzzy"}, "ktstr-interp: unknown command 'xyzzy'\n  see ktstr-interp --help\n"},
      {{"--verson"}, "ktstr-interp: unknown option '--verson'\n  did you mean '--version'?\n"},
      {{"run", "--filtr=x", "s"}, "ktstr-interp: unknown option '--filtr=x'\n  did you mean '--filter'?\n"},
      {{"run"}, "ktstr-interp: PATH is required\n  see ktstr-interp run --help\n"},
      {{"lint", "--format", "xml", "s"},
       "ktstr-interp: --format: 'xml' is not a format; use pretty, json, sarif, github\n"
       "  see ktstr-interp lint --help\n"},
      {{"run", "--timeout", "3", "s"},
       "ktstr-interp: --timeout: '3' has no unit; write e.g. 3ms or 3s\n  see ktstr-interp run --help\n"},
      {{"run", "--clock", "sundial", "s"},
       "ktstr-interp: --clock: 'sundial' is not a clock; use wall or virtual\n"
       "  see ktstr-interp run --help\n"},
      {{"run", "--accel", "warp", "s"}, "ktstr-interp: 'warp' is not an accelerator; use auto, kvm or tcg\n"},
      {{"kernel", "fecth"},
       "ktstr-interp: 'fecth' is nothing to do with kernels; use list, fetch, build, path or gc\n"
       "  did you mean 'fetch'?\n"},
      {{"schedulers", "biuld"},
       "ktstr-interp: 'biuld' is nothing to do with schedulers; use list, build or path\n"
       "  did you mean 'build'?\n"},
      {{"explain", "spwan"},
       "ktstr-interp: 'spwan' is neither declared nor a file\n  did you mean 'Spawn'?\n"},
  };
  for (const Case& c : cases) {
    const CliResult result = Cli(c.args);
    CHECK(result.err == c.text);
    CHECK(result.out.empty());
    CHECK(result.code == 64);
  }
}

TEST_CASE("--version and --help") {
  CHECK(Cli({"--version"}).out == "ktstr-interp 0.1.0\n");
  CHECK(Cli({"--version"}).code == 0);
  const std::string help = Cli({"--help"}).out;
  for (const char* command : {"run", "list", "lint", "explain", "schema", "kernel"})
    CHECK(help.find(std::string("\n  ") + command + " ") != std::string::npos);
  CHECK(help.find("Exit codes: 0 all passed or skipped") != std::string::npos);
}

TEST_CASE("list names every variant with its tags and description") {
  const WorkDir dir;
  WriteBoth();
  const CliResult result = Cli({"list", "s"});
  CHECK(result.code == 0);
  CHECK(result.err.empty());
  CHECK(result.out ==
        "s/cpuset/shrink.yaml#1n2l2c1t  [cpuset slow] Half the CPUs are taken.\n"
        "s/cpuset/shrink.yaml#1n1l2c1t  [cpuset slow] Half the CPUs are taken.\n"
        "s/tiny.yaml                    [smoke] Nothing happens for a second.\n");
}

TEST_CASE("list as JSON") {
  const WorkDir dir;
  WriteBoth();
  CHECK(Cli({"list", "--format", "json", "s/tiny.yaml"}).out == R"([
  {
    "path": "s/tiny.yaml",
    "name": "tiny",
    "variant": "",
    "topology": "1n1l2c1t",
    "tags": [
      "smoke"
    ],
    "description": "Nothing happens for a second."
  }
]
)");
}

TEST_CASE("--filter fits path, name or title, as text or as a glob") {
  const WorkDir dir;
  WriteBoth();
  const std::string tiny = "s/tiny.yaml  [smoke] Nothing happens for a second.\n";
  const std::string small = "s/cpuset/shrink.yaml#1n1l2c1t  [cpuset slow] Half the CPUs are taken.\n";
  CHECK(Cli({"list", "--filter", "iny", "s"}).out == tiny);
  CHECK(Cli({"list", "--filter", "tin?", "s"}).out == tiny);  // a glob must fit as a whole
  CHECK(Cli({"list", "--filter", "in?", "s"}).code == 64);
  CHECK(Cli({"list", "--filter", "s/*.yaml", "--filter", "zzz", "s/tiny.yaml"}).out == tiny);
  CHECK(Cli({"list", "--filter", "#1n1l", "s"}).out == small);
  CHECK(Cli({"list", "--filter", "*#1n1*", "s"}).out == small);
}

TEST_CASE("--tag takes any of the tags; nothing left is a usage error") {
  const WorkDir dir;
  WriteBoth();
  CHECK(Cli({"list", "--tag", "smoke", "s"}).out == "s/tiny.yaml  [smoke] Nothing happens for a second.\n");
  const CliResult none = Cli({"list", "--tag", "fast", "s"});
  CHECK(none.code == 64);
  CHECK(none.err == "ktstr-interp: no scenario fits --filter, --tag and --clock\n");
}

TEST_CASE("A broken file is never filtered away by a tag it might have had") {
  const WorkDir dir;
  WriteText("broken.yaml", "version: 1\ntags: [smoke\n");
  WriteText("tiny.yaml", kTinyScenario);
  const CliResult result = Cli({"list", "--tag", "slow", "broken.yaml", "tiny.yaml"});
  CHECK(result.code == 2);
  CHECK(result.err.starts_with("broken.yaml:"));
}

TEST_CASE("--dry-run prints the plan and boots nothing") {
  const WorkDir dir;
  WriteBoth();
  const CliResult result = Cli({"run", "--dry-run", "--variant", "1n1l2c1t", "--seed", "7", "--timeout",
                                "30s", "--clock", "virtual", "s"});
  CHECK(result.code == 0);
  CHECK(result.err.empty());
  CHECK(result.out == R"(s/cpuset/shrink.yaml#1n1l2c1t
  topology 1n1l2c1t (2 CPUs), memory auto, clock virtual
  kernel >=6.12
  holds 2s in all, timeout 30s, seed 7
  0 BASELINE
    begin of BASELINE
    end of BASELINE
  1 warm
    enable the cpuset controller
    enable the cpu controller
    AddCgroup hot
    hot: cpuset.cpus = 0-1
    Spawn 2 x SpinWait in hot
    begin of step warm
    hold 2s
    end of step warm
    end of step: collect workers
    end of step: remove cgroup hot
    finish
)");
  CHECK_FALSE(std::filesystem::exists("runs"));
}

TEST_CASE("what the command line says is checked like what the file says") {
  const WorkDir dir;
  const auto dry = [](std::vector<std::string> options, const std::string& text) {
    WriteText("a.yaml", "version: 1\n" + text);
    options.insert(options.begin(), {"run", "--dry-run"});
    options.emplace_back("a.yaml");
    const CliResult result = Cli(options);
    CHECK(result.code == (result.err.empty() ? 0 : 2));
    return result.err;
  };
  CHECK(dry({"--clock", "virtual"}, "steps: [{hold: 1s}]\nmonitor: on\n") ==
        "a.yaml:3:10: error[bad-monitor]: the monitor samples by the host's time, which the virtual clock "
        "does not "
        "follow\n"
        "     3 | monitor: on\n"
        "       |          ^~ use `snapshots: {periodic: N}` there\n"
        "a.yaml: note: --clock virtual of the command line takes the place of `clock:`\n");
  CHECK(dry({"--clock", "wall"}, "steps: [{hold: 1s}]\nmonitor: on\nclock: virtual\n") == "");
  CHECK(dry({"--timeout", "1s"}, "timeout: 60s\nsteps: [{hold: 5s}]\n") ==
        "a.yaml:2:10: error[timeout-too-short]: the holds alone take 5s, and the timeout is 1s\n"
        "     2 | timeout: 60s\n"
        "       |          ^~~ raise --timeout\n"
        "a.yaml: note: --timeout 1s of the command line takes the place of `timeout:`\n");
  CHECK(dry({"--timeout", "9s"}, "timeout: 1s\nsteps: [{hold: 5s}]\n") == "");
}

TEST_CASE("--dry-run as JSON names the guest's requests") {
  const WorkDir dir;
  WriteText("tiny.yaml", kTinyScenario);
  const std::string json = Cli({"run", "--dry-run", "--format", "json", "tiny.yaml"}).out;
  CHECK(json.find(R"("request": "Hold",
            "label": "hold 1s",
            "path": "steps/0/hold")") != std::string::npos);
}

TEST_CASE("A variant that nobody has is a usage error with a guess") {
  const WorkDir dir;
  WriteBoth();
  const CliResult result = Cli({"run", "--dry-run", "--variant", "1n2l2c2t", "s"});
  CHECK(result.code == 64);
  CHECK(result.err ==
        "ktstr-interp: no selected scenario has a variant '1n2l2c2t'; did you mean '1n2l2c1t'?\n");
}

TEST_CASE("--clock chooses among the variants of a matrix with clocks") {
  const WorkDir dir;
  WriteText("m.yaml", kTinyScenario + "matrix: {clock: [wall, virtual]}\n");
  CHECK(Cli({"list", "m.yaml"}).out ==
        "m.yaml#wall     [smoke] Nothing happens for a second.\n"
        "m.yaml#virtual  [smoke] Nothing happens for a second.\n");
  CliOptions options;
  options.paths = {"m.yaml"};
  options.clock = Clock::kVirtual;
  const Result<Selection> selection = Select(options);
  REQUIRE(selection.ok());
  REQUIRE(selection->runs.size() == 1);
  CHECK(selection->runs[0].plan->variant == "virtual");
}

TEST_CASE("Every name of the catalogue has a page") {
  CHECK(Cli({"explain", "setcpuset"}).out.starts_with("SetCpuset (Op)\n"));
  CHECK(Cli({"explain", "PipeIo"}).out.find("\n  Workers come in groups of 2.") != std::string::npos);
  CHECK(Cli({"explain", "max_gap_ms"}).out == R"(max_gap_ms (metric)
  The longest time a worker did not get from one checkpoint to the next.

  one number per cgroup; unit ms; lower is better

  example: {metric: max_gap_ms, max: 1}
)");
  CHECK(Cli({"explain", "no_stall"}).out.find("switch off: defaults: {no_stall: off}") != std::string::npos);
  CHECK(Cli({"explain", "topology"}).out.starts_with("Topology (section of a scenario)\n"));
  CHECK(Cli({"explain", "hodl"}).code == 64);
  CHECK(Cli({"explain", "seed"}).out == R"(seed (field of Scenario)
  Seeds everything drawn at random.
  see `explain Scenario`
)");
  CHECK(Cli({"explain"}).out.find("\n  SpinWait   ") != std::string::npos);
  CHECK(Cli({"explain", "--json"}).out.find("\"default_checks\": [") != std::string::npos);
}

TEST_CASE("explain FILE shows where each effective value comes from") {
  const WorkDir dir;
  WriteText("tiny.yaml", kTinyScenario);
  const CliResult result = Cli({"explain", "tiny.yaml"});
  CHECK(result.code == 0);
  CHECK(result.out.find("steps/0/hold = 1s") != std::string::npos);
  CHECK(result.out.find("tiny.yaml:6\n") != std::string::npos);
  WriteText("bad.yaml", "version: 1\n");
  CHECK(Cli({"explain", "bad.yaml"}).code == 2);
  CHECK(Cli({"explain", "bad.yaml"}).err.starts_with("bad.yaml:1:1: error[missing-key]"));
}

TEST_CASE("The committed schema and manual are those of the declarations") {
  const WorkDir dir;
  const std::filesystem::path committed = std::filesystem::path(kSourceDir) / "schemas";
  const CliResult result = Cli({"schema", "--out", "new"});
  REQUIRE(result.code == 0);
  CHECK(result.err == "new/scenario.schema.json\nnew/ops.md\n");
  INFO("regenerate with: ktstr-interp schema --out schemas/");
  // A plain CHECK of both texts would print them whole.
  CHECK((ReadText("new/scenario.schema.json") == ReadText(committed / "scenario.schema.json")));
  CHECK((ReadText("new/ops.md") == ReadText(committed / "ops.md")));
  CHECK((Cli({"schema"}).out == ReadText("new/scenario.schema.json")));
  WriteText("file", "");
  CHECK(Cli({"schema", "--out", "file"}).err == "ktstr-interp: 'file' cannot be made: Not a directory\n");
}

TEST_CASE("A report that could not be written whole is an error") {
  class Full : public std::streambuf {
    int overflow(int) override { return traits_type::eof(); }
  } full;
  std::ostream out(&full);
  std::ostringstream err;
  Console io{out, err};
  const char* argv[] = {"ktstr-interp", "explain"};
  CHECK(RunCli(argv, io) == 2);
  CHECK(err.str() == "ktstr-interp: standard output cannot be written\n");
}

TEST_CASE("A report that found no room says so") {
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  DescriptorStream out(full.get());
  std::ostringstream err;
  Console io{out, err, false, false, false, &out.error()};
  const char* argv[] = {"ktstr-interp", "explain"};
  CHECK(RunCli(argv, io) == 2);
  CHECK(err.str() == "ktstr-interp: standard output cannot be written: No space left on device\n");
}

TEST_CASE("What is written to a descriptor arrives, however long") {
  const WorkDir dir;
  const std::string text(10'000, 'x');
  {
    const Fd fd(::open("report", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    DescriptorStream out(fd.get());
    out << text << 42 << '\n' << std::flush << text;
    CHECK(out.error() == 0);
  }
  CHECK(ReadText("report") == text + "42\n" + text);
}
