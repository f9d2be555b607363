// Variants that are compared with each other (`vs_variant`), with a made-up world: which run, in which order,
// and what each is told of the others.
#include <mutex>
#include <nlohmann/json.hpp>

#include "interpreter/cli/run_command.h"
#include "interpreter/scenario/checks/variant_numbers.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"

using namespace ktstr;
using namespace ktstr::test;
namespace fs = std::filesystem;

namespace {

/// Each run measures 7 for the others; what it is told of them is noted.
struct World {
  std::vector<std::string> told;  // "mine: eevdf 7"; in the order of the runs' beginnings
  std::string breaks;             // this variant's run throws
  std::mutex mutex;

  RunOutcome Ran(const RunPlan& plan, const RunEnvironment& environment) {
    const std::lock_guard lock(mutex);
    std::string line = plan.variant + ":";
    for (const VariantNumbers& other : environment.compared)
      line +=
          " " + other.variant + " " +
          (other.numbers.empty() ? other.unusable : std::to_string(int(other.numbers[0].value.value_or(-1))));
    told.push_back(line);
    if (plan.variant == breaks) throw std::runtime_error("broken");
    RunOutcome outcome;
    outcome.verdict = Verdict::kPass;
    outcome.for_others = VariantNumbers{plan.variant, "", 0, false, {{"checks/0", "a", 0, 7.0, ""}}};
    return outcome;
  }

  CliResult Run(CliOptions options) {
    RunWorld world;
    world.resolve_kernel = [](const vmm::KernelRequest&, const vmm::KernelProgress&) -> Result<vmm::Kernel> {
      vmm::Kernel kernel;
      kernel.version = "6.12.1";
      return kernel;
    };
    world.choose_accel = [](vmm::AccelRequest, const RunEnvironment&) -> Result<vmm::AccelChoice> {
      return vmm::AccelChoice{vmm::Accel::kTcg, ""};
    };
    world.run_scenario = [this](const RunPlan& plan, const fs::path&, const RunEnvironment& environment,
                                EventSink&) { return Ran(plan, environment); };
    world.host = [] { return vmm::HostCapacity{4, 8000}; };
    told.clear();
    std::ostringstream out, err;
    Console io{out, err};
    if (options.paths.empty()) options.paths = {"s"};
    options.no_clone = true;
    CliResult result;
    result.code = RunScenarios(options, io, world);
    result.out = out.str();
    result.err = err.str();
    return result;
  }
};

void WriteScenario() {
  WriteText("s/a.yaml",
            "version: 1\nname: a\nmatrix: {memory: [1GiB, 512MiB, 2GiB]}\n"
            "steps: [{cgroups: [{name: a, work: [{type: SpinWait}]}], hold: 1s}]\n"
            "checks: [{metric: iterations, vs_variant: 512MiB, min_ratio: 0.9}]\n");
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a variant that others are compared with runs first, and they are told its numbers") {
  const WorkDir dir;
  WriteScenario();
  World world;
  CliOptions alone;
  alone.jobs = 1;
  CHECK(world.Run(alone).code == 0);
  CHECK(world.told == Lines{"512MiB:", "1GiB: 512MiB 7", "2GiB: 512MiB 7"});
  for (const std::uint32_t jobs : {2U, 4U}) {
    CliOptions options;
    options.jobs = jobs;
    options.repeat = 3;
    CHECK(world.Run(options).code == 0);
    CHECK(world.told.size() == 9);
    CHECK(std::count(world.told.begin(), world.told.end(), "1GiB: 512MiB 7") == 3);
    CHECK(std::count(world.told.begin(), world.told.end(), "2GiB: 512MiB 7") == 3);
  }
}

TEST_CASE("a variant that is asked for brings the one it is compared with") {
  const WorkDir dir;
  WriteScenario();
  World world;
  CliOptions options;
  options.variant = "2GiB";
  world.Run(options);
  CHECK(world.told == Lines{"512MiB:", "2GiB: 512MiB 7"});
  options.variant = "512MiB";
  world.Run(options);
  CHECK(world.told == Lines{"512MiB:"});
}

TEST_CASE("those that are compared with a broken run are told, and do not wait for ever") {
  const WorkDir dir;
  WriteScenario();
  World world;
  world.breaks = "512MiB";
  CliOptions options;
  options.jobs = 2;
  CHECK(world.Run(options).code == 2);
  CHECK(world.told.size() == 3);
  CHECK(std::count(world.told.begin(), world.told.end(), "1GiB: 512MiB its run broke off") == 1);
}

TEST_CASE("a resumed run is compared with what was kept") {
  const WorkDir dir;
  WriteScenario();
  World world;
  CliOptions options;
  options.arguments = {"run", "s"};
  world.Run(options);
  const fs::path results = fs::path("runs") / fs::read_symlink("runs/latest");
  fs::remove(results / "a@2GiB/reports.json");
  options.resume = results.string();
  world.Run(options);
  CHECK(world.told == Lines{"2GiB: 512MiB 7"});
  const auto kept = nlohmann::json::parse(ReadText(results / "a@512MiB/verdict.json"));
  CHECK(kept.at("for_others").at("numbers").at(0).at("value") == 7);
}
