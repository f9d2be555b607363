// `run --resume`: what an earlier invocation finished is kept, the rest is run.
#include <nlohmann/json.hpp>

#include "interpreter/cli/run_command.h"
#include "interpreter/report/kept_results.h"
#include "interpreter/report/run_directory.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"

using namespace ktstr;
using namespace ktstr::test;
namespace fs = std::filesystem;

namespace {

/// A world in which scenarios pass, but for those whose name begins with "fail"; and which dies at `dies_at`,
/// as kill -9 leaves things: whatever is still to be written is not.
struct World {
  std::vector<std::string> ran;
  std::string dies_at;

  CliResult Run(CliOptions options) {
    RunWorld world = {[](const vmm::KernelRequest&, const vmm::KernelProgress&) -> Result<vmm::Kernel> {
                        vmm::Kernel kernel;
                        kernel.image = "/k/vmlinuz";
                        kernel.version = "6.12.1";
                        kernel.origin = "cache";
                        return kernel;
                      },
                      [](vmm::AccelRequest, const RunEnvironment&) -> Result<vmm::AccelChoice> {
                        return vmm::AccelChoice{vmm::Accel::kTcg, "as asked for"};
                      },
                      [this](const RunPlan& plan, const fs::path&, const RunEnvironment&, EventSink&) {
                        ran.push_back(plan.scenario.name);
                        if (plan.scenario.name == dies_at) throw std::runtime_error("killed");
                        RunOutcome outcome;
                        outcome.verdict =
                            plan.scenario.name.starts_with("fail") ? Verdict::kFail : Verdict::kPass;
                        if (outcome.verdict == Verdict::kFail)
                          outcome.cause = "iterations of cgroup hot is 3, below the minimum of 5";
                        outcome.machine.total_ms = 12;
                        return outcome;
                      },
                      [] {
                        return vmm::HostCapacity{1, 8000};
                      }};
    std::ostringstream out, err;
    Console io{out, err};
    if (options.paths.empty()) options.paths = {"s"};
    ran.clear();
    CliResult result;
    result.code = RunScenarios(options, io, world);
    result.out = out.str();
    result.err = err.str();
    return result;
  }
};

void Named(const std::string& file, const std::string& name, const std::string& hold = "1s") {
  WriteText(file, "version: 1\nname: " + name + "\nsteps:\n  - hold: " + hold + "\n");
}

/// The results of a run of a, fail and c that was killed in c.
CliOptions Killed(World& world) {
  Named("s/a.yaml", "a");
  Named("s/b.yaml", "fail");
  Named("s/c.yaml", "c");
  world.dies_at = "c";
  CliOptions options;
  options.arguments = {"run", "s"};
  world.Run(options);
  world.dies_at.clear();
  fs::remove("runs/latest/c/reports.json");  // kill -9 comes before the last file at the latest
  options.resume = (fs::path("runs") / fs::read_symlink("runs/latest")).string();
  return options;
}

}  // namespace

TEST_CASE("A killed run is finished: finished results are kept, only the rest runs") {
  const WorkDir dir;
  World world;
  const CliOptions options = Killed(world);
  const std::string before = ReadText("runs/latest/a/verdict.json");
  const CliResult result = world.Run(options);
  CHECK(world.ran == std::vector<std::string>{"c"});
  CHECK(result.code == 1);  // the kept failure counts
  CHECK(
      result.out.starts_with("PASS s/a.yaml  [kept]  12 ms\n"
                             "FAIL s/b.yaml: iterations of cgroup hot is 3, below the minimum of 5\n"));
  CHECK_THAT(result.out, Catch::Contains("2 passed, 1 failed in "));
  CHECK(ReadText("runs/latest/a/verdict.json") == before);
  CHECK(fs::exists("runs/latest/c/verdict.json"));
  CHECK(fs::exists("runs/latest/c.unfinished/plan.txt"));         // nothing of the killed one is lost
  CHECK(std::distance(fs::directory_iterator("runs"), {}) == 2);  // one directory, and `latest`
}

TEST_CASE("Resuming what is complete runs nothing and gives the same verdict") {
  const WorkDir dir;
  World world;
  const CliOptions options = Killed(world);
  world.Run(options);
  const CliResult again = world.Run(options);
  CHECK(world.ran.empty());
  CHECK(again.code == 1);
}

TEST_CASE("The JSON report of a resumed run has the kept results whole") {
  const WorkDir dir;
  World world;
  CliOptions options = Killed(world);
  options.format = "json";
  const auto report = nlohmann::json::parse(world.Run(options).out);
  REQUIRE(report["results"].size() == 3);
  CHECK(report["results"][0]["verdict"] == "PASS");
  CHECK(report["results"][0].contains("stats"));
  CHECK(report["results"][1]["cause"] == "iterations of cgroup hot is 3, below the minimum of 5");
  CHECK(report["totals"]["PASS"] == 2);
}

TEST_CASE("A scenario that was changed meanwhile runs again") {
  const WorkDir dir;
  World world;
  const CliOptions options = Killed(world);
  Named("s/a.yaml", "a", "2s");
  world.Run(options);
  CHECK(world.ran == std::vector<std::string>{"a", "c"});
}

TEST_CASE("Half-written and interrupted results are not kept") {
  const WorkDir dir;
  World world;
  const CliOptions options = Killed(world);
  SECTION("cut") { WriteText("runs/latest/a/verdict.json", R"({"verdict":"PASS","cau)"); }
  SECTION("another file") { WriteText("runs/latest/a/verdict.json", R"({"verdict":"MAYBE"})"); }
  SECTION("no statistics") { fs::remove("runs/latest/a/stats.json"); }
  SECTION("interrupted") {
    std::string text = ReadText("runs/latest/a/verdict.json");
    text.replace(text.find('{'), 1, R"({"interrupted":true,)");
    WriteText("runs/latest/a/verdict.json", text);
  }
  world.Run(options);
  CHECK(world.ran == std::vector<std::string>{"a", "c"});
}

TEST_CASE("Only a results directory that nobody writes to is resumed") {
  const WorkDir dir;
  World world;
  CliOptions options = Killed(world);
  {
    const auto other = ResultsDirectory::Reopen(options.resume);
    REQUIRE(other.ok());
    const CliResult result = world.Run(options);
    CHECK(result.code == 2);
    CHECK(result.err == "ktstr-interp: another ktstr-interp is writing to '" + options.resume + "'\n");
  }
  fs::create_directory("empty");
  options.resume = "empty";
  CHECK(world.Run(options).err == "ktstr-interp: 'empty' is not a results directory of `run`\n");
  CHECK(world.ran.empty());
}

TEST_CASE("--resume on the command line") {
  const WorkDir dir;
  CHECK(Cli({"run", "--resume", "nowhere"}).err ==
        "ktstr-interp: 'nowhere/invocation.json' does not exist\n");
  CHECK(Cli({"run", "--resume", "nowhere"}).code == 64);
  const CliResult both = Cli({"run", "--resume", "nowhere", "--seed", "3"});
  CHECK(both.code == 64);
  CHECK(both.err ==
        "ktstr-interp: --resume runs what was asked for then; leave --seed out\n  see ktstr-interp run "
        "--help\n");
  WriteText("r/invocation.json", "{}");
  CHECK(Cli({"run", "--resume", "r"}).err == "ktstr-interp: 'r/invocation.json' is not what `run` writes\n");
}

TEST_CASE("An invocation is read back as it was written") {
  const WorkDir dir;
  const Invocation invocation = {"/home/me", {"run", "s", "--tag", "a \"b\"\n"}, "/k/vmlinuz"};
  REQUIRE(WriteInvocation(".", invocation).ok());
  const Result<Invocation> read = ReadInvocation(".");
  REQUIRE(read.ok());
  CHECK(*read == invocation);
}
