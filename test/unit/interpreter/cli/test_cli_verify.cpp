// `verify` with a made-up world: no kernel, no QEMU, but real scenarios, reports and directories.
#include <signal.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "interpreter/cli/cli_verify.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"
#include "test/unit/interpreter/verify/verify_samples.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

constexpr const char* kTwo =
    "version: 1\nschedulers: {good: {use: scx_qmap, max_insns: 5000}, bad: {use: scx_simple}}\nsteps: "
    "[{hold: 1s}]\n";

vmm::Kernel KernelNamed(const std::string& version, bool sched_ext) {
  vmm::Kernel kernel;
  kernel.image = "/k/" + version;
  kernel.version = version;
  kernel.origin = "cache";
  kernel.package = "linux-image";
  WriteText("config-" + version,
            std::string(sched_ext ? "CONFIG_SCHED_CLASS_EXT=y\nCONFIG_EXT_GROUP_SCHED=y\n" : "") +
                "CONFIG_DEBUG_INFO_BTF=y\n");
  kernel.config = "config-" + version;
  return kernel;
}

/// Schedulers called "bad" are rejected by the verifier, all others are good.
struct FakeWorld {
  std::vector<std::string> ran;
  bool interrupt = false;  // at the end of each run

  RunWorld World() {
    return {
        [](const vmm::KernelRequest& request, const vmm::KernelProgress&) -> Result<vmm::Kernel> {
          if (request.option == "none") return Error{ErrorKind::kInput, "there is no such kernel"};
          return KernelNamed(request.option.empty() ? "6.12.1" : request.option, request.option != "6.1.1-x");
        },
        [](vmm::AccelRequest, const RunEnvironment&) -> Result<vmm::AccelChoice> {
          return vmm::AccelChoice{vmm::Accel::kTcg, ""};
        },
        [this](const RunPlan& plan, const std::filesystem::path&, const RunEnvironment&, EventSink& sink) {
          ran.push_back(plan.scenario.name + "@" + plan.variant);
          if (interrupt) ::kill(::getpid(), SIGTERM);
          if (plan.scenario.name != "bad") return GoodRun().outcome;
          sink.OnPayloadOutput(0, "bad", Stream::kStderr,
                               "libbpf: prog 'b': -- BEGIN PROG LOAD LOG --\nR1 is bad\n"
                               "-- END PROG LOAD LOG --\n");
          RunOutcome outcome;
          outcome.verdict = Verdict::kFail;
          outcome.cause = "it was not attached";
          return outcome;
        },
        [] {
          return vmm::HostCapacity{1, 8000};
        }};
  }
};

CliResult Verify(FakeWorld& world, CliOptions options) {
  std::ostringstream out, err;
  Console io{out, err};
  CliResult result;
  result.code = VerifySchedulers(options, io, world.World());
  result.out = out.str();
  result.err = err.str();
  return result;
}

/// Without the parts that differ from run to run.
std::string Steady(std::string text) {
  const std::string run = std::filesystem::read_symlink("runs/latest").string();
  for (std::size_t at = text.find(run); at != std::string::npos; at = text.find(run))
    text.replace(at, run.size(), "R");
  return std::regex_replace(text, std::regex(" in [0-9.]+ m?s"), " in T");
}

CliOptions Two() {
  WriteText("a.yaml", kTwo);
  CliOptions options;
  options.paths = {"a.yaml"};
  options.topologies = {{1, 1, 2, 1}};
  return options;
}

}  // namespace

TEST_CASE("Verify: a scheduler that is rejected hides no other, and all is in the results directory") {
  const WorkDir dir;
  FakeWorld world;
  const CliResult result = Verify(world, Two());
  CHECK(result.code == 1);
  CHECK(result.err ==
        "kernel 6.12.1 (cache), accel tcg, clock wall\nPASS good 1n1l2c1t\nFAIL bad 1n1l2c1t\n");
  CHECK(Steady(result.out) == R"(good: scx_qmap  [a.yaml]
  kernel  topology  verdict  attached      ran under it            insns in all
  6.12.1  1n1l2c1t  PASS     enabled qmap  2 of 2 workers, 480 ms          1300
  kernel  topology  qmap_cpu_release  qmap_dispatch
  6.12.1  1n1l2c1t                96           1204

bad: scx_simple  [a.yaml]
  kernel  topology  verdict  attached  ran under it  insns in all
  6.12.1  1n1l2c1t  FAIL            -             -             -
  kernel  topology  b
  6.12.1  1n1l2c1t  rejected
FAIL bad: the verifier rejects b: R1 is bad
  on     6.12.1 1n1l2c1t
  log    of b, 1 line
  |      R1 is bad
  next   ktstr-interp verify a.yaml --filter bad --topology 1n1l2c1t --kernel 6.12.1
  files  runs/R/bad@1n1l2c1t

1 passed, 1 failed in T; results in runs/R
)");
  CHECK(world.ran == std::vector<std::string>{"good@1n1l2c1t", "bad@1n1l2c1t"});
  const auto json = nlohmann::json::parse(ReadText("runs/latest/verify.json"));
  CHECK(json.at("results").size() == 2);
  CHECK(ReadText("runs/latest/good@1n1l2c1t/plan.txt").find("AttachScheduler good") != std::string::npos);
}

TEST_CASE("Verify: several kernels, one without sched_ext, which is skipped before anything runs") {
  const WorkDir dir;
  FakeWorld world;
  CliOptions options = Two();
  options.kernels = {"6.13.1-x", "6.1.1-x"};
  options.filters = {"goo"};
  const CliResult result = Verify(world, options);
  CHECK(result.code == 0);
  CHECK(world.ran == std::vector<std::string>{"good@1n1l2c1t,6.13.1-x"});
  CHECK(Steady(result.out) == R"(good: scx_qmap  [a.yaml]
  kernel    topology  verdict  attached      ran under it            insns in all
  6.13.1-x  1n1l2c1t  PASS     enabled qmap  2 of 2 workers, 480 ms          1300
  6.1.1-x   1n1l2c1t  SKIP     -             -                                  -
  kernel    topology  qmap_cpu_release  qmap_dispatch
  6.13.1-x  1n1l2c1t                96           1204
  6.1.1-x   1n1l2c1t                 -              -
SKIP good: needs sched_ext, which kernel 6.1.1-x does not have; `ktstr-interp kernel build` makes one that has it all
  on     6.1.1-x 1n1l2c1t

1 passed, 1 skipped in T; results in runs/R
)");
}

TEST_CASE("Verify: the limit of a scheduler's definition, the command line's in its place, and growth") {
  const WorkDir dir;
  FakeWorld world;
  CliOptions options = Two();
  options.filters = {"good"};
  options.json = true;
  const CliResult first = Verify(world, options);
  CHECK(first.code == 0);
  const std::string baseline = "runs/" + std::filesystem::read_symlink("runs/latest").string();
  options.max_insns = 1000;
  const auto json = nlohmann::json::parse(Verify(world, options).out);
  CHECK(json.at("exit_code") == 1);
  CHECK(json.at("results").at(0).at("cause") ==
        "qmap_dispatch took the verifier 1204 instructions, above the limit of 1000");
  options.max_insns.reset();
  options.max_growth = Percent{0};
  options.baseline = baseline;
  CHECK(Verify(world, options).code == 0);
  options.topologies = {{1, 2, 2, 2}};
  CHECK(Verify(world, options).code == 2);
  WriteText("a.yaml",
            "version: 1\nschedulers: {good: {use: scx_qmap, max_insns: 500}}\nsteps: [{hold: 1s}]\n");
  options.max_growth.reset();
  CHECK(Verify(world, options).code == 1);
}

TEST_CASE(
    "Verify: a file that cannot be read is an error beside the others, and nothing to verify is one alone") {
  const WorkDir dir;
  FakeWorld world;
  CliOptions options = Two();
  WriteText("b.yaml", "version: 1\nschedulers: {x: {}}\nsteps: [{hold: 1s}]\n");
  options.paths.push_back("b.yaml");
  options.filters = {"good"};
  const CliResult result = Verify(world, options);
  CHECK(result.code == 2);
  CHECK(result.out.find("ERROR b.yaml: bad scenario: give one of `binary`, `object` (a .bpf.o), `use` for a "
                        "shipped one, and `enable` for one that the kernel has built in\n") !=
        std::string::npos);
  CHECK(Steady(result.out).find("1 passed, 1 error in T; results in runs/R\n") != std::string::npos);
  options.filters = {"goof"};
  CHECK(Verify(world, options).err == "ktstr-interp: no scheduler fits --filter\n  did you mean 'good'?\n");
  options.paths = {"b.yaml"};
  options.filters.clear();
  const CliResult only_bad = Verify(world, options);
  CHECK(only_bad.code == 2);
  CHECK(only_bad.err ==
        "b.yaml: bad scenario: give one of `binary`, `object` (a .bpf.o), `use` for a shipped one, and "
        "`enable` for one that the kernel has built in\n"
        "ktstr-interp: no scheduler is declared in what could be read\n");
}

TEST_CASE("Verify: wrong command lines") {
  const WorkDir dir;
  WriteText("none.yaml", kTinyScenario);
  CHECK(Cli({"verify", "none.yaml"}).err ==
        "ktstr-interp: none of these scenarios declares a scheduler\n"
        "  name scenario files with `schedulers:`, or a program with --scheduler\n");
  CHECK(Cli({"verify"}).code == kExitUsage);
  CHECK(Cli({"verify", "none.yaml", "--max-growth", "5%"}).err ==
        "ktstr-interp: --max-growth compares with an earlier verification\n  name it with --baseline\n");
  CHECK(Cli({"verify", "none.yaml", "--baseline", "x"}).err ==
        "ktstr-interp: the baseline 'x' cannot be read: No such file or directory\n");
  CHECK(Cli({"verify", "--scheduler", "eevdf"}).err ==
        "ktstr-interp: --scheduler: the kernel's own scheduler has no BPF programs\n"
        "  see ktstr-interp verify --help\n");
  const CliResult topology = Cli({"verify", "none.yaml", "--topology", "2x"});
  CHECK(topology.code == kExitUsage);
  CHECK(topology.err.starts_with("ktstr-interp: --topology: unknown topology '2x'"));
  CHECK_FALSE(std::filesystem::exists("runs"));
}

TEST_CASE("Verify: a kernel that is not there is an error under its name, and the others are run") {
  const WorkDir dir;
  FakeWorld world;
  CliOptions options = Two();
  options.filters = {"good"};
  options.kernels = {"none", "6.13.1-x"};
  const CliResult result = Verify(world, options);
  CHECK(result.code == 2);
  CHECK(result.out.find("ERROR good: there is no such kernel\n  on     none 1n1l2c1t\n") !=
        std::string::npos);
  CHECK(Steady(result.out).ends_with("\n1 passed, 1 error in T; results in runs/R\n"));
}

TEST_CASE("Verify: an interruption is an error, also when all that was run passed") {
  const WorkDir dir;
  FakeWorld world;
  world.interrupt = true;
  CliOptions options = Two();
  options.filters = {"good"};
  options.kernels = {"6.13.1-x", "6.14.1-x"};
  options.json = true;
  const CliResult result = Verify(world, options);
  CHECK(result.code == 2);
  CHECK(world.ran.size() == 1);
  const auto json = nlohmann::json::parse(result.out);
  CHECK(json.at("exit_code") == 2);
  CHECK(json.at("interrupted_by") == "SIGTERM");
  CHECK(json.at("results").size() == 1);
  CHECK(Steady(result.err).ends_with("\n1 passed in T, interrupted by SIGTERM; results in runs/R\n"));
}
