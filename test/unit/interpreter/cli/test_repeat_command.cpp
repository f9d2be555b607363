// The command under a failure that repeats its run.
#include <catch2/catch.hpp>

#include "interpreter/cli/cli_values.h"
#include "interpreter/cli/run_command_parts.h"
#include "test/unit/interpreter/plan/loaded_plan.h"

namespace ktstr {
namespace {

std::string Repeat(const std::string& scheduler) {
  const LoadedPlan loaded("version: 1\nsteps: [{hold: 1s}]\n");
  REQUIRE(loaded.plans.size() == 1);
  LoadedScenario scenario;
  scenario.file = "s/a.yaml";
  CliOptions options;
  if (!scheduler.empty()) options.scheduler = ParseSchedulerOption(scheduler);
  RunSummary summary;
  summary.accel = "tcg";
  summary.kernel.version = "6.12.1";
  summary.kernel.package = "linux-image";
  return RepeatCommand(options, {&scenario, loaded.plans.front()}, summary);
}

TEST_CASE("the command that repeats a run has its scheduler as one word of the shell") {
  const auto with = [](const std::string& words) {
    return "ktstr-interp run s/a.yaml --scheduler " + words + " --seed 1 --accel tcg --kernel 6.12.1";
  };
  CHECK(Repeat("") == "ktstr-interp run s/a.yaml --seed 1 --accel tcg --kernel 6.12.1");
  CHECK(Repeat("scx_simple") == with("scx_simple"));
  CHECK(Repeat("./scx_mine --slice-us 5000") == with("'./scx_mine --slice-us 5000'"));
  CHECK(Repeat("./mine.bpf.o slice_ns=5") == with("'./mine.bpf.o slice_ns=5'"));
  CHECK(Repeat("./it's $(mine)") == with(R"('./it'\''s $(mine)')"));
}

}  // namespace
}  // namespace ktstr
