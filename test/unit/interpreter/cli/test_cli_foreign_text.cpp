// Texts of strangers on their way to a terminal or a CI log: scenarios, names of files, and what a guest
// says.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "interpreter/cli/run_command.h"
#include "interpreter/report/snapshot_files.h"
#include "test/checkout.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"
#include "test/unit/vmm/introspection/snapshot/snapshot_samples.h"

using namespace ktstr;
using namespace ktstr::test;
using namespace ktstr::vmm::test;
using namespace std::literals;

namespace {

const std::string kHostile =
    "::error file=x::a\n::error::b\r\n  ::error::c ##vso[task.complete]##[error]d\x1b[2J\x1b]0;t\x07"
    "\xC2\x9B"
    "31m\xE2\x80\xAE\xE2\x80\x8B\xEF\xBB\xBF\xFF";
/// The same where a '/' could not stand.
const std::string kHostileName = kHostile + ".yaml";

/// Copies the kept scenarios into the working directory, each once under its own name and once under a
/// hostile one.
void WriteHostileScenarios(const std::string& which) {
  const std::string text =
      ReadText(std::string(kSourceDir) + "/test/unit/interpreter/cli/hostile/" + which + ".yaml");
  WriteText("s/" + which + ".yaml", text);
  WriteText("s/" + kHostileName, text);
  WriteText(kHostileName, text);
}

/// All that is shown must be plain ASCII here: no harmless text of these tests is anything else.
void CheckHarmless(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }));
    const std::size_t begin = line.find_first_not_of(' ');
    CHECK(line.compare(begin == std::string::npos ? 0 : begin, 2, "::") != 0);
    CHECK(line.find("##[") == std::string::npos);
    CHECK(line.find("##vso[") == std::string::npos);
  }
}

void CheckHarmless(const CliResult& result) {
  CheckHarmless(result.out);
  CheckHarmless(result.err);
}

RunOutcome HostileOutcome(Verdict verdict, EventSink& sink) {
  RunOutcome outcome;
  outcome.verdict = verdict;
  outcome.cause = outcome.cause_detail = outcome.console_tail = kHostile;
  outcome.cause_path = "payloads/talker/args/1";
  outcome.warnings = {kHostile, kHostile};
  outcome.machine.total_ms = 5;
  outcome.machine.kernel_release = outcome.machine.accel = outcome.machine.topology = kHostile;
  CheckResult check;
  check.verdict = Verdict::kFail;
  check.check = check.message = check.detail = check.cgroup = kHostile;
  outcome.checks = {check, check};
  CgroupStats stats;
  stats.cgroup = kHostile;
  outcome.stats.cgroups = {stats};
  RunEvent event;
  event.kind = EventKind::kWarning;
  event.text = event.path = kHostile;
  sink.OnEvent(event);
  event.kind = EventKind::kPhaseBegin;
  sink.OnEvent(event);
  return outcome;
}

CliResult RunHostile(Verdict verdict, const std::string& format, bool verbose = false) {
  RunWorld world;
  world.resolve_kernel = [](const vmm::KernelRequest&,
                            const vmm::KernelProgress& tell) -> Result<vmm::Kernel> {
    tell(kHostile);
    vmm::Kernel kernel;
    kernel.image = "/k/vmlinuz";
    kernel.version = "6.12.1";
    kernel.origin = "cache";
    return kernel;
  };
  world.choose_accel = [](vmm::AccelRequest, const RunEnvironment&) -> Result<vmm::AccelChoice> {
    return vmm::AccelChoice{vmm::Accel::kTcg, kHostile};
  };
  world.run_scenario = [&](const RunPlan&, const std::filesystem::path&, const RunEnvironment&,
                           EventSink& sink) { return HostileOutcome(verdict, sink); };
  world.host = [] { return vmm::HostCapacity{1, 8000}; };
  std::ostringstream out, err;
  Console io{out, err};
  CliOptions options;
  options.paths = {"s"};
  options.format = format;
  options.verbose = verbose;
  CliResult result;
  result.code = RunScenarios(options, io, world);
  result.out = out.str();
  result.err = err.str();
  return result;
}

/// JSON files hold UTF-8 only.
const std::string kHostileUtf8 = kHostile.substr(0, kHostile.size() - 1);

vmm::SnapshotReport HostileSnapshot() {
  vmm::SnapshotReport report = FullReport();
  report.tasks.at(0).comm = report.tasks.at(0).cgroup = report.tasks.at(0).sched_class = kHostileUtf8;
  for (vmm::RunQueue& queue : report.run_queues) queue.curr_comm = kHostileUtf8;
  for (vmm::ProgStats& prog : report.prog_runtime_stats) prog.name = prog.type = kHostileUtf8;
  for (vmm::DsqState& queue : report.dsq_states) queue.origin = kHostileUtf8;
  if (report.scx_sched_state) {
    report.scx_sched_state->ops = report.scx_sched_state->state = kHostileUtf8;
    report.scx_sched_state->event_counters.emplace_back(kHostileUtf8, 1);
  }
  vmm::MapRecord& map = report.maps.at(0);
  map.name = map.type_name = map.error = kHostileUtf8;
  vmm::RenderedValue text;
  text.kind = vmm::RenderedValue::Kind::kArray;
  for (const char c : "::error::chars ##[error]x \n\t"s) {
    vmm::RenderedMember member;
    member.value.kind = vmm::RenderedValue::Kind::kChar;
    member.value.number = static_cast<unsigned char>(c);
    text.members.push_back(member);
  }
  text.length = text.members.size();
  map.value = Struct(kHostileUtf8, {{kHostileUtf8, Uint(1)}, {"chars", text}, {kHostileUtf8, text}});
  return report;
}

}  // namespace

TEST_CASE("no text of a scenario and no name of a file reaches the terminal raw: list, dry run, explain") {
  const WorkDir dir;
  WriteHostileScenarios("valid");
  for (const char* format : {"pretty", "json"}) {
    const CliResult list = Cli({"list", "--format", format, "."});
    CHECK(list.code == 0);
    CHECK(list.out.find("valid.yaml") != std::string::npos);
    CheckHarmless(list);
    const CliResult dry = Cli({"run", "--dry-run", "--format", format, "."});
    CHECK(dry.code == 0);
    CHECK(dry.out.find("talker") != std::string::npos);
    CheckHarmless(dry);
  }
  for (const std::string& file : {"s/valid.yaml"s, kHostileName}) {
    const CliResult explained = Cli({"explain", file});
    CHECK(explained.code == 0);
    CHECK(explained.out.find(R"(payloads/talker/args = )") != std::string::npos);
    CheckHarmless(explained);
  }
}

TEST_CASE("no text of a scenario and no name of a file reaches the terminal raw: lint and its formats") {
  const WorkDir dir;
  WriteHostileScenarios("faulty");
  for (const char* format : {"pretty", "json", "sarif"}) {
    const CliResult lint = Cli({"lint", "--format", format, "."});
    CHECK(lint.code == 1);
    CHECK(lint.out.find("unknown-key") != std::string::npos);
    CheckHarmless(lint);
  }
  for (const char* command : {"list", "run", "explain"}) CheckHarmless(Cli({command, kHostileName}));
  CheckHarmless(Cli({"list", ".", "no such " + kHostile}));
  CheckHarmless(Cli({"list", "--filter", kHostile, "--" + kHostile, "."}));
}

TEST_CASE("lint for GitHub makes one command per mistake, whatever a scenario holds") {
  const WorkDir dir;
  WriteHostileScenarios("faulty");
  const std::string text = Cli({"lint", "--format", "github", "."}).out;
  const auto mistakes = nlohmann::json::parse(Cli({"lint", "--format", "json", "."}).out).size();
  std::size_t count = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line); ++count) {
    INFO(line);
    CHECK(line.starts_with("::error file="));
    CheckHarmless(" " + line.substr(2));
  }
  CHECK(count == mistakes);
}

TEST_CASE("no text of a guest and no name of a file reaches the terminal raw: run in all formats") {
  const WorkDir dir;
  WriteHostileScenarios("valid");
  for (const Verdict verdict : {Verdict::kPass, Verdict::kFail, Verdict::kError, Verdict::kInconclusive})
    for (const char* format : {"pretty", "json", "junit"})
      for (const bool verbose : {false, true}) {
        const CliResult run = RunHostile(verdict, format, verbose);
        CHECK(run.out.find("valid.yaml") != std::string::npos);
        CheckHarmless(run);
      }
}

TEST_CASE("the command that repeats a run of a hostile file name is one line of shell words") {
  const WorkDir dir;
  WriteText("s/" + kHostileName, kTinyScenario);
  const std::string text = RunHostile(Verdict::kFail, "pretty").out;
  CHECK(text.find(R"(  next   ktstr-interp run $'s/::error file=x::a\012::error::b\015\012  ::error::c )"
                  R"(#\043vso[task.complete]#\043[error]d\033[2J\033]0;t\007\302\23331m)"
                  R"(\342\200\256\342\200\213\357\273\277\377.yaml' --seed )") != std::string::npos);
}

TEST_CASE("no text of a guest's kernel reaches the terminal raw: snapshot show and diff") {
  const WorkDir dir;
  const vmm::SnapshotReport before = HostileSnapshot();
  vmm::SnapshotReport after = before;
  after.tasks.at(0).cgroup += "2";
  after.maps.at(0).name += "2";
  REQUIRE(WriteSnapshotFile("run", {"a", before, 1, {}, 0}, kHostileUtf8).ok());
  REQUIRE(WriteSnapshotFile("run", {kHostileUtf8, after, 2, {}, 0}, kHostileUtf8).ok());
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"show", "run"},
           {"show", "run", "a"},
           {"show", "run", "a", "tasks"},
           {"show", "run", "a", "maps"},
           {"show", "run", "a", "scx_sched_state"},
           {"show", "run", "a", "run_queues"},
           {"show", "run", "a", "nothing" + kHostile},
           {"show", "run", "none"},
           {"diff", "run:a", "run:" + kHostileUtf8},
       })
    for (const bool json : {false, true}) {
      std::vector<std::string> words = {"snapshot"};
      words.insert(words.end(), args.begin(), args.end());
      if (json) words.emplace_back("--json");
      const CliResult shown = Cli(words);
      INFO(shown.out);
      CHECK(shown.out.size() + shown.err.size() > 0);
      CheckHarmless(shown);
    }
}
