// Presets wherever a scenario writes a topology, and what a run says of one that QEMU cannot build.
#include <regex>

#include "interpreter/cli/cli_catalogue.h"
#include "interpreter/cli/cli_select.h"
#include "interpreter/cli/run_command.h"
#include "interpreter/explain/schema.h"
#include "interpreter/scenario/scenario.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"
#include "vmm/machine/topology_presets.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

CliResult OnScenario(const std::string& text, const std::vector<std::string>& arguments) {
  WriteText("a.yaml", "version: 1\n" + text + "steps: [{hold: 1s}]\n");
  return Cli(arguments);
}

/// `run a.yaml` where everything that boots passes.
CliResult RunWhereAllPass(const std::string& text, bool require) {
  const RunWorld world{[](const vmm::KernelRequest&, const vmm::KernelProgress&) -> Result<vmm::Kernel> {
                         return vmm::Kernel();
                       },
                       [](vmm::AccelRequest, const RunEnvironment&) -> Result<vmm::AccelChoice> {
                         return vmm::AccelChoice{vmm::Accel::kTcg, "asked for"};
                       },
                       [](const RunPlan&, const std::filesystem::path&, const RunEnvironment&, EventSink&) {
                         RunOutcome outcome;
                         outcome.verdict = Verdict::kPass;
                         return outcome;
                       }};
  WriteText("a.yaml", "version: 1\n" + text + "steps: [{hold: 1s}]\n");
  CliOptions options;
  options.paths = {"a.yaml"};
  options.out = "runs";
  options.require = require;
  std::ostringstream out, err;
  Console io{out, err};
  const int code = RunScenarios(options, io, world);
  return {code, out.str(), err.str()};
}

TEST_CASE("a preset's name is a topology, in a matrix too") {
  const WorkDir dir;
  const std::string text =
      "topology: uni\nmatrix: {topology: [8cpu-2llc-smt, 2numa-16cpu-4llc-nosmt, 252cpu-14llc-smt, smp4],\n"
      "         exclude: [{topology: 4cpu-1llc-nosmt}]}\n";  // the same machine as smp4
  CHECK(OnScenario(text, {"list", "a.yaml"}).out == "a.yaml#1n2l2c2t\na.yaml#2n4l4c1t\na.yaml#1n14l9c2t\n");
}

TEST_CASE("--variant takes a preset's name for a topology") {
  const WorkDir dir;
  const std::string text = "matrix: {topology: [8cpu-2llc-smt, smp4], memory: [256MiB, auto]}\n";
  const auto chosen = [&](const std::string& variant) {
    WriteText("a.yaml", "version: 1\n" + text + "steps: [{hold: 1s}]\n");
    CliOptions options;
    options.paths = {"a.yaml"};
    options.variant = variant;
    const Result<Selection> selection = Select(options);
    return selection.ok() ? selection->runs.front().plan->variant : selection.error().message;
  };
  CHECK(chosen("8cpu-2llc-smt,auto") == "1n2l2c2t,auto");
  CHECK(chosen("1n1l4c1t,256MiB") == "1n1l4c1t,256MiB");
  CHECK(chosen("smp4,") == "no selected scenario has a variant 'smp4,'");
}

TEST_CASE("a misspelt name is answered with the one that was meant") {
  const WorkDir dir;
  const CliResult result =
      OnScenario("topology: 32cpu-4lc-smt\nmatrix: {topology: [numa3, 1n2l]}\n", {"lint", "a.yaml"});
  CHECK(
      result.out ==
      "a.yaml:2:11: error[bad-value]: unknown topology '32cpu-4lc-smt'; write a preset's name or e.g. "
      "1n2l2c1t "
      "(NUMA nodes, LLCs, cores per LLC, threads per core)\n"
      "     2 | topology: 32cpu-4lc-smt\n"
      "       |           ^~~~~~~~~~~~~ did you mean '32cpu-4llc-smt'?\n"
      "a.yaml:3:21: error[bad-value]: unknown topology 'numa3'; write a preset's name or e.g. 1n2l2c1t (NUMA "
      "nodes, LLCs, cores per LLC, threads per core)\n"
      "     3 | matrix: {topology: [numa3, 1n2l]}\n"
      "       |                     ^~~~~ did you mean 'numa2'?\n"
      "a.yaml:3:28: error[bad-value]: unknown topology '1n2l'; write a preset's name or e.g. 1n2l2c1t (NUMA "
      "nodes, LLCs, cores per LLC, threads per core)\n"
      "     3 | matrix: {topology: [numa3, 1n2l]}\n"
      "       |                            ^~~~\n");
}

TEST_CASE("a topology that QEMU cannot build is skipped before anything boots, with --require an error") {
  const WorkDir dir;
  const std::string text = "matrix: {topology: [252cpu-14llc-smt, smp4]}\n";
  const std::string why =
      " a.yaml#1n14l9c2t: topology 252cpu-14llc-smt (1n14l9c2t) needs APIC ids up to 433 and QEMU's end at "
      "254; "
      "the nearest preset that fits is 240cpu-15llc-smt\n";
  const CliResult skipped = RunWhereAllPass(text, false);
  CHECK(skipped.out.find("SKIP" + why) == 0);
  CHECK(skipped.out.find("PASS a.yaml#1n1l4c1t") != std::string::npos);
  CHECK(skipped.code == 0);
  const CliResult required = RunWhereAllPass(text, true);
  CHECK(required.out.find("ERROR" + why) == 0);
  CHECK(required.code == 2);
}

TEST_CASE("explain and the manual know the presets") {
  CHECK(ExplainName("64cpu-8llc-smt") ==
        "64cpu-8llc-smt (name of a Topology)\n  1n8l4c2t: a server; one cpumask word is exactly full\n");
  const std::string page = ExplainName("topology");
  const std::string manual = Manual();
  for (const vmm::TopologyPreset& preset : vmm::kTopologyPresets) {
    CAPTURE(preset.name);
    CHECK(std::regex_search(page, std::regex("\n    " + std::string(preset.name) + " +[0-9]n")));
    CHECK(manual.find("| `" + std::string(preset.name) + "` | " + std::string(preset.doc) + " |") !=
          std::string::npos);
  }
}

TEST_CASE("the schema takes the presets and no other names") {
  const auto topology = SchemaOf(Scenario::Decl())["definitions"]["Topology"];
  const std::regex pattern(topology["pattern"].get<std::string>());
  for (const vmm::TopologyPreset& preset : vmm::kTopologyPresets)
    CHECK(std::regex_search(std::string(preset.name), pattern));
  CHECK(std::regex_search("1n2l2c1t", pattern));
  for (const char* bad : {"32cpu-4lc-smt", "x32cpu-4llc-smt", "32cpu-4llc-smtx", "uni ", ""})
    CHECK_FALSE(std::regex_search(bad, pattern));
  CHECK(topology["defaultSnippets"][0].dump() ==
        R"({"label":"uni","description":"1n1l1c1t: one CPU: nothing runs in parallel","body":"uni"})");
}

}  // namespace
