// `run -j N` with a made-up world that is called by several threads at once.
#include <latch>
#include <set>
#include <stdexcept>

#include "interpreter/cli/run_command.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

struct World {
  RunWorld Of() {
    RunWorld world;
    world.resolve_kernel = [](const vmm::KernelRequest&, const vmm::KernelProgress&) -> Result<vmm::Kernel> {
      vmm::Kernel kernel;
      kernel.version = "6.12.1";
      kernel.origin = "cache";
      return kernel;
    };
    world.choose_accel = [](vmm::AccelRequest, const RunEnvironment&) -> Result<vmm::AccelChoice> {
      return vmm::AccelChoice{vmm::Accel::kTcg, ""};
    };
    world.run_scenario = [this](const RunPlan& plan, const std::filesystem::path&,
                                const RunEnvironment& environment,
                                EventSink& sink) { return Run(plan.scenario, environment, sink); };
    world.host = [this] { return host; };
    return world;
  }
  RunOutcome Run(const Scenario& scenario, const RunEnvironment& environment, EventSink& sink) {
    {
      const std::lock_guard lock(mutex);
      ran.insert(scenario.name);
      scratches.insert(environment.scratch.string());
      missing_scratch = missing_scratch || !std::filesystem::is_directory(environment.scratch);
      most = std::max(most, ++now);
    }
    RunEvent event;
    event.kind = EventKind::kReady;
    event.text = "up";
    sink.OnEvent(event);
    RunOutcome outcome;
    outcome.verdict = Verdict::kPass;
    outcome.machine.total_ms = 12;
    if (run) run(scenario.name, outcome);
    const std::lock_guard lock(mutex);
    --now;
    return outcome;
  }

  std::function<void(const std::string&, RunOutcome&)> run;
  vmm::HostCapacity host{2, 8000};
  std::mutex mutex;
  std::set<std::string> ran;
  std::set<std::string> scratches;
  bool missing_scratch = false;
  int now = 0;
  int most = 0;  // at a time
};

void Named(const std::string& name, const std::string& more = "") {
  WriteText("s/" + name + ".yaml", "version: 1\nname: " + name + "\n" + more + "steps:\n  - hold: 1s\n");
}

CliResult Run(World& world, CliOptions options) {
  std::ostringstream out, err;
  Console io{out, err};
  options.paths = {"s"};
  options.no_clone = true;  // else the real cache would be opened
  CliResult result;
  result.code = RunScenarios(options, io, world.Of());
  result.out = out.str();
  result.err = err.str();
  return result;
}

/// The first words of each line, and of the last only the totals.
std::string Heads(const std::string& text) {
  std::string heads;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with(" ")) heads += line.substr(0, std::min(line.find("  ["), line.find(" in "))) + "\n";
  return heads;
}

CliOptions Jobs(std::uint32_t jobs) {
  CliOptions options;
  options.jobs = jobs;
  return options;
}

}  // namespace

TEST_CASE("run -j: results come in the order of the selection, each slot has its own scratch directory") {
  const WorkDir dir;
  for (const char* name : {"a", "b", "c", "d"}) Named(name);
  World world;
  std::latch others(3);
  world.run = [&](const std::string& name, RunOutcome&) {
    if (name != "a") return others.count_down();
    others.wait();  // the first to start is the last to end
  };
  const CliResult result = Run(world, Jobs(2));
  CHECK(result.code == 0);
  CHECK(Heads(result.out) == "PASS s/a.yaml\nPASS s/b.yaml\nPASS s/c.yaml\nPASS s/d.yaml\n4 passed\n");
  CHECK(world.most == 2);
  CHECK(world.scratches.size() == 2);
  CHECK_FALSE(world.missing_scratch);
  for (const std::string& scratch : world.scratches) CHECK_FALSE(std::filesystem::exists(scratch));
}

TEST_CASE("run -j: one scenario's exception is its own error") {
  const WorkDir dir;
  for (const char* name : {"a", "b", "c", "d"}) Named(name);
  World world;
  world.run = [&](const std::string& name, RunOutcome&) {
    if (name == "b") throw std::runtime_error("out of luck");
  };
  const CliResult result = Run(world, Jobs(2));
  CHECK(result.code == 2);
  CHECK(Heads(result.out) ==
        "PASS s/a.yaml\nERROR s/b.yaml: internal error: out of luck\nPASS s/c.yaml\nPASS s/d.yaml\n"
        "3 passed, 1 error\n");
}

TEST_CASE("a machine that never fits is an error that says how much there is; others run") {
  const WorkDir dir;
  Named("a", "memory: 16000MiB\n");
  Named("b");
  World world;
  world.host.memory_mib = 9000;
  const CliResult result = Run(world, Jobs(2));
  CHECK(Heads(result.out) ==
        "ERROR s/a.yaml: needs 16064 MiB of memory, this host has 9000 MiB to give\nPASS s/b.yaml\n"
        "1 passed, 1 error\n");
  CHECK_FALSE(world.ran.contains("a"));
}

TEST_CASE("run -j far above what memory allows runs as many as fit, and -v says so") {
  const WorkDir dir;
  for (int i = 10; i < 30; ++i) Named("s" + std::to_string(i), "memory: 436MiB\n");
  World world;
  world.host.memory_mib = 1499;
  CliOptions options = Jobs(64);
  options.verbose = true;
  const CliResult result = Run(world, options);
  CHECK(result.code == 0);
  CHECK(world.ran.size() == 20);
  CHECK(world.most <= 2);
  CHECK(
      result.err.find(
          "jobs: 20 (as asked for; memory for 2 of the largest; 20 to run, so fewer may run at a time)\n") !=
      std::string::npos);
  CHECK(result.err.find("s/s10.yaml      0.000 s  ready        up\n") != std::string::npos);
}

TEST_CASE("without -j the host decides") {
  const WorkDir dir;
  for (const char* name : {"a", "b", "c", "d"}) Named(name);
  World world;
  CliOptions options;
  options.verbose = true;
  CHECK(Run(world, options).err.find("jobs: 2 (2 CPUs, one per TCG machine; memory for 20)\n") !=
        std::string::npos);
  CHECK(world.most <= 2);
}
