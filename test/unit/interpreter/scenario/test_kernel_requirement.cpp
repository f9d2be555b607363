// `kernel:` of a scenario: what may be written, which kernels do, and what a run says of one that does not.
#include "interpreter/cli/run_command.h"
#include "interpreter/load/decode.h"
#include "interpreter/report/json_value.h"
#include "interpreter/scenario/kernel_requirement.h"
#include "interpreter/scenario/scenario.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

std::string LintMessage(const std::string& kernel) {
  const WorkDir dir;
  WriteText("a.yaml", "version: 1\nkernel: " + kernel + "\nsteps: [{hold: 1s}]\n");
  const CliResult result = Cli({"lint", "a.yaml"});
  return result.out.substr(0, result.out.find('\n'));
}

KernelRequirement Read(const std::string& kernel) {
  Diagnostics diagnostics;
  const Document document =
      LoadDocument("a.yaml", "version: 1\nkernel: " + kernel + "\nsteps: [{hold: 1s}]\n", diagnostics);
  Scenario scenario;
  CHECK(Decode(document, scenario, diagnostics));
  return scenario.kernel.value_or(KernelRequirement());
}

CliResult RunOn(const vmm::Kernel& kernel, bool require) {
  const RunWorld world{
      [&](const vmm::KernelRequest&, const vmm::KernelProgress&) -> Result<vmm::Kernel> { return kernel; },
      [](vmm::AccelRequest, const RunEnvironment&) -> Result<vmm::AccelChoice> {
        return vmm::AccelChoice{vmm::Accel::kTcg, "asked for"};
      },
      [](const RunPlan&, const std::filesystem::path&, const RunEnvironment&, EventSink&) {
        RunOutcome outcome;
        outcome.verdict = Verdict::kPass;
        return outcome;
      }};
  std::ostringstream out, err;
  Console io{out, err};
  CliOptions options;
  options.paths = {"a.yaml"};
  options.require = require;
  CliResult result;
  result.code = RunScenarios(options, io, world);
  result.out = out.str();
  return result;
}

std::string FirstLine(const CliResult& result) { return result.out.substr(0, result.out.find('\n')); }

}  // namespace

TEST_CASE("a kernel requirement: bounds as a text, or a map with min, max and features") {
  CHECK(Read("\">=6.6 <6.13\"").Text() == ">=6.6 <6.13");
  CHECK(Read("{min: 6.12, features: [sched_ext, btf]}").Text() == ">=6.12 with sched_ext, btf");
  CHECK(Read("{max: '6.14'}").Text() == "<=6.14");
  CHECK(Read("{features: [psi]}").Text() == "with psi");
  // As a number 6.10 would be 6.1.
  CHECK(Read("{min: 6.10}").Text() == ">=6.10");
}

TEST_CASE("a kernel requirement survives being written and read again") {
  for (const char* text : {"\">=6.6 <6.13\"", "{min: 6.10, max: 6.20, features: [sched_ext]}"}) {
    const KernelRequirement before = Read(text);
    Scenario scenario;
    scenario.kernel = before;
    const std::string yaml = ToYaml(scenario);
    const std::size_t at = yaml.find("kernel:") + 7;
    CHECK(Read(yaml.substr(at, yaml.find("\nsteps") - at)).Text() == before.Text());
  }
}

TEST_CASE("which kernels a requirement allows") {
  CHECK(Read("{min: 6.12, max: 6.14}").Allows("6.12.0"));
  CHECK(Read("{min: 6.12, max: 6.14}").Allows("6.14.9-ktstr"));
  CHECK_FALSE(Read("{min: 6.12, max: 6.14}").Allows("6.15.0"));
  CHECK_FALSE(Read("{min: 6.12}").Allows("6.9.1"));
  CHECK_FALSE(Read("{min: 6.12}").Allows("unknown"));
  CHECK(Read("\">6.6 <=6.12\"").Allows("6.12.117+deb12-cloud-amd64"));
  CHECK_FALSE(Read("\">6.6 <=6.12\"").Allows("6.6.1"));
  CHECK_FALSE(Read("\"=6.12\"").Allows("6.13.1"));
}

TEST_CASE("what is wrong with a kernel requirement is said at its place") {
  CHECK(LintMessage("{min: 6}") ==
        "a.yaml:2:15: error[bad-value]: '6' is not a kernel version; write e.g. 6.12");
  CHECK(LintMessage("{min: 6.13, max: 6.12}") ==
        "a.yaml:2:26: error[rule]: no kernel is both at least 6.13 and at most 6.12");
  CHECK(LintMessage("{}") == "a.yaml:2:9: error[rule]: give min, max or features");
  CHECK(LintMessage("\">=6\"") ==
        "a.yaml:2:9: error[bad-value]: '>=6' is not a kernel requirement; write e.g. \">=6.12\"");
  CHECK(LintMessage("{features: [sched_ex]}").ends_with(", found 'sched_ex'"));
}

TEST_CASE("features come from the config beside the image; without them a scenario is skipped, or an error") {
  const WorkDir dir;
  WriteText("a.yaml", "version: 1\nkernel: {features: [sched_ext, btf]}\nsteps: [{hold: 1s}]\n");
  vmm::Kernel kernel;
  kernel.image = "vmlinuz";
  kernel.version = "6.12.1";
  CHECK(FirstLine(RunOn(kernel, false)) ==
        "SKIP a.yaml: cannot tell whether kernel 6.12.1 has sched_ext, btf: no config beside the image; "
        "`ktstr-interp kernel build` makes one that has it all");
  kernel.config = "config";
  WriteText("config",
            "CONFIG_DEBUG_INFO_BTF=y\nCONFIG_SCHED_CLASS_EXT=y\n# CONFIG_EXT_GROUP_SCHED is not set\n");
  const std::string cause =
      " a.yaml: needs sched_ext, which kernel 6.12.1 does not have; `ktstr-interp kernel build` makes one "
      "that "
      "has it all";
  CHECK(FirstLine(RunOn(kernel, false)) == "SKIP" + cause);
  CHECK(RunOn(kernel, false).code == 0);
  CHECK(FirstLine(RunOn(kernel, true)) == "ERROR" + cause);
  CHECK(RunOn(kernel, true).code == 2);
  WriteText("config", "CONFIG_DEBUG_INFO_BTF=y\nCONFIG_SCHED_CLASS_EXT=y\nCONFIG_EXT_GROUP_SCHED=y\n");
  CHECK(RunOn(kernel, true).out.starts_with("PASS a.yaml"));
}
