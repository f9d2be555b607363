// The tables and the JSON of a verification, whole; the JSON read again as a baseline.
#include <nlohmann/json.hpp>

#include "interpreter/load/find_scenarios.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"
#include "test/unit/interpreter/verify/verify_samples.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

VerifyResult Good(const std::string& topology) {
  FinishedRun run = GoodRun();
  run.topology = topology;
  return MakeVerifyResult(run, Subject(), "");
}

VerifyResult Rejected(const std::string& topology, int rounds) {
  FinishedRun run;
  run.kernel = "6.12.1";
  run.topology = topology;
  run.directory = "runs/R/bad@" + topology;
  run.repeat_command = "ktstr-interp verify b.yaml --topology " + topology;
  run.outcome.verdict = Verdict::kFail;
  std::string output = "libbpf: prog 'bad_init': -- BEGIN PROG LOAD LOG --\n";
  for (int i = 0; i < rounds; ++i)
    output += "; x @ b.c:1\n1: (07) r1 += 1\n2: (b7) r2 = 1\n3: R1=1\n4: R1=2\n";
  output += "BPF program is too large. Processed 1000001 insn\n-- END PROG LOAD LOG --\n";
  return MakeVerifyResult(run, Subject("bad"), output);
}

}  // namespace

TEST_CASE("A table for each scheduler, and what did not pass with its cause and folded log") {
  VerifySubject bad = Subject("bad");
  bad.def = {};
  bad.def.binary = "./my scx";
  bad.def.args = {"-f"};
  bad.places = {"b.yaml", "c.yaml"};
  const VerifyReport report{
      {Subject(), bad},
      {Good("1n1l2c1t"), Rejected("1n1l2c1t", 100), Good("1n2l2c2t"), Rejected("1n2l2c2t", 100)},
      {"d.yaml: bad scenario: x"}};
  CHECK(RenderVerifyTables(report, {}) == R"(qmap: scx_qmap  [a.yaml]
  kernel  topology  verdict  attached      ran under it            insns in all
  6.12.1  1n1l2c1t  PASS     enabled qmap  2 of 2 workers, 480 ms          1300
  6.12.1  1n2l2c2t  PASS     enabled qmap  2 of 2 workers, 480 ms          1300
  kernel  topology  qmap_cpu_release  qmap_dispatch
  6.12.1  1n1l2c1t                96           1204
  6.12.1  1n2l2c2t                96           1204

bad: './my scx' -f  [b.yaml, c.yaml]
  kernel  topology  verdict  attached  ran under it  insns in all
  6.12.1  1n1l2c1t  FAIL            -             -             -
  6.12.1  1n2l2c2t  FAIL            -             -             -
  kernel  topology  bad_init
  6.12.1  1n1l2c1t  rejected
  6.12.1  1n2l2c2t  rejected
FAIL bad: the verifier rejects bad_init: BPF program is too large. Processed 1000001 insn
  on     6.12.1 1n1l2c1t, 6.12.1 1n2l2c2t
  log    of bad_init, 501 lines, folded to 8
  |      [100 rounds of 5 lines; the first:]
  |      ; x @ b.c:1
  |      1: (07) r1 += 1
  |      2: (b7) r2 = 1
  |      3: R1=1
  |      4: R1=2
  |      [495 lines left out]
  |      BPF program is too large. Processed 1000001 insn
  next   ktstr-interp verify b.yaml --topology 1n1l2c1t
  files  runs/R/bad@1n1l2c1t

ERROR d.yaml: bad scenario: x
)");
  CHECK(WorstOf(report) == Verdict::kFail);
  const std::string raw = RenderVerifyTables(report, {false, true});
  CHECK(raw.find("  log    of bad_init, 501 lines\n") != std::string::npos);
  CHECK(std::count(raw.begin(), raw.end(), '\n') > 500);
}

TEST_CASE("A long log is shown from its end, where the reason is") {
  VerifyResult result = Rejected("1n1l2c1t", 1);
  for (int i = 0; i < 60; ++i) result.rejected[0].log.insert(result.rejected[0].log.begin(), "line");
  result.rejected[0].log[0] = "first";
  for (int i = 1; i < 60; ++i) result.rejected[0].log[static_cast<std::size_t>(i)] += std::to_string(i);
  const std::string text = RenderVerifyTables({{Subject("bad")}, {result}, {}}, {});
  CHECK(text.find("  |      [26 lines before these; --raw shows all]\n  |      line26\n") !=
        std::string::npos);
  CHECK(text.find("  |      BPF program is too large.") != std::string::npos);
}

TEST_CASE("With a baseline each count has what it grew, and programs come and go") {
  VerifyResult result = Good("1n1l2c1t");
  VerifyResult before = result;
  before.programs[0].insns = 100;
  before.programs[1].name = "gone_dispatch";
  CompareWith({before}, result);
  const VerifyReport report{{Subject()}, {result}, {}};
  CHECK(RenderVerifyTables(report, {}) == R"(qmap: scx_qmap  [a.yaml]
  kernel  topology  verdict  attached      ran under it            insns in all
  6.12.1  1n1l2c1t  PASS     enabled qmap  2 of 2 workers, 480 ms  1300 (-4)
  kernel  topology  qmap_cpu_release  qmap_dispatch  gone_dispatch
  6.12.1  1n1l2c1t  96 (-4)           1204 (new)     gone

)");
}

TEST_CASE("What the baseline has no counts of is new as a whole") {
  VerifyResult result = Good("1n1l2c1t");
  CompareWith({}, result);
  const std::string text = RenderVerifyTables({{Subject()}, {result}, {}}, {});
  CHECK(text.find("  6.12.1  1n1l2c1t  96 (new)          1204 (new)\n") != std::string::npos);
}

TEST_CASE("What is noted of one that passes stands below its tables") {
  VerifyResult result = Good("1n1l2c1t");
  result.notes = {"something to know"};
  const std::string text = RenderVerifyTables({{Subject()}, {result}, {}}, {});
  CHECK(text.ends_with("\nPASS qmap\n  on     6.12.1 1n1l2c1t\n  also   something to know\n\n"));
}

TEST_CASE("Programs that do not fit beside each other go into a further table") {
  VerifyResult result = Good("1n1l2c1t");
  result.programs.clear();
  for (int i = 0; i < 12; ++i)
    result.programs.push_back({fmt::format("a_rather_long_name_{}", i), "struct_ops", i, {}});
  const std::string text = RenderVerifyTables({{Subject()}, {result}, {}}, {});
  CHECK(text.find("a_rather_long_name_3  a_rather_long_name_4\n") == std::string::npos);
  std::size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, line.size());
  CHECK(widest <= 120);
  for (int i = 0; i < 12; ++i) CHECK(text.find(fmt::format("a_rather_long_name_{}", i)) != std::string::npos);
}

TEST_CASE("The JSON has everything, and is the baseline of a later verification") {
  const WorkDir dir;
  const VerifyReport report{
      {Subject(), Subject("bad")}, {Good("1n1l2c1t"), Rejected("1n1l2c1t", 3)}, {"x: y"}};
  const auto json = nlohmann::json::parse(VerifyJson(report, false));
  CHECK(json.at("verdict") == "FAIL");
  CHECK(json.at("exit_code") == 1);
  CHECK(json.at("schedulers").at(0).at("command") == "scx_qmap");
  CHECK(json.at("unread") == nlohmann::json{"x: y"});
  const auto& good = json.at("results").at(0);
  CHECK(good.at("verified_insns") == 1300);
  CHECK(good.at("programs").at(0) ==
        nlohmann::json{{"name", "qmap_cpu_release"}, {"type", "struct_ops"}, {"verified_insns", 96}});
  CHECK(good.at("dispatch") == nlohmann::json{{"workers", 2}, {"ran", 2}, {"ran_ns", 480'000'000}});
  CHECK(json.at("results").at(1).at("rejected").at(0).at("log").size() == 8);
  CHECK(nlohmann::json::parse(VerifyJson(report, true))
            .at("results")
            .at(1)
            .at("rejected")
            .at(0)
            .at("log")
            .size() == 16);

  WriteText("runs/a/verify.json", VerifyJson(report, false));
  for (const char* place : {"runs/a", "runs/a/verify.json"}) {
    const auto baseline = ReadBaseline(place);
    REQUIRE(baseline.ok());
    VerifyResult later = Good("1n1l2c1t");
    CompareWith(*baseline, later);
    CHECK(later.in_baseline);
    CHECK(later.programs[0].baseline == 96U);
    VerifyResult rejected = Rejected("1n1l2c1t", 3);
    CompareWith(*baseline, rejected);
    CHECK_FALSE(rejected.in_baseline);
  }
}

TEST_CASE("A baseline that is none says so") {
  const WorkDir dir;
  CHECK(ReadBaseline("nowhere").error().message ==
        "the baseline 'nowhere' cannot be read: No such file or directory");
  WriteText("x.json", "{\"results\": [{\"scheduler\": 1}]}");
  CHECK(ReadBaseline("x.json").error().message == "'x.json' is not what `verify` writes");
  WriteText("y.json", "{");
  CHECK(ReadBaseline("y.json").error().message == "'y.json' is not what `verify` writes");
}

TEST_CASE("Schedulers of several files: one definition once, another one of the same name beside it") {
  const WorkDir dir;
  WriteText("a.yaml",
            "version: 1\nschedulers: {s: {use: scx_simple}, q: {use: scx_qmap}}\nsteps: [{hold: 1s}]\n");
  WriteText("d/b.yaml",
            "version: 1\nschedulers: {t: {use: scx_simple}, q: {use: scx_qmap, args: [-s, \"5\"]}}\n"
            "steps: [{hold: 1s}]\n");
  std::vector<VerifySubject> subjects;
  for (const char* file : {"a.yaml", "d/b.yaml"}) {
    const LoadedScenario loaded = LoadScenario({file});
    REQUIRE_FALSE(loaded.has_errors);
    AddDeclaredSchedulers(loaded, subjects);
  }
  REQUIRE(subjects.size() == 3);
  CHECK(subjects[0].name == "s");
  CHECK(subjects[0].places == std::vector<std::string>{"a.yaml", "d/b.yaml"});
  CHECK(subjects[2].name == "q-2");
  CHECK(subjects[2].declared == "q");
  CHECK(CommandOf(subjects[2].def) == "scx_qmap -s 5");
  const LoadedScenario scenario =
      VerifyScenario(subjects[2], std::vector<TopologySpec>{{}, {1, 2, 2, 2}}, "6.12.1");
  CHECK_FALSE(scenario.has_errors);
  REQUIRE(scenario.plans.size() == 2);
  CHECK(scenario.plans[1]->variant == "1n2l2c2t,6.12.1");
  CHECK(scenario.plans[1]->scenario.kernel->Text() == "with sched_ext, btf");
  CHECK(scenario.plans[1]->scenario.scheduler == "q-2");
}
