// `run` with a made-up world: no kernel, no QEMU, but real scenarios, signals, reports and directories.
#include <signal.h>
#include <sys/resource.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "interpreter/cli/run_command.h"
#include "interpreter/cli/run_command_parts.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"
#include "test/unit/vmm/host/temp_dir.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

/// Runs pass, unless the scenario's name begins with "fail", "flaky" (each second one, the first among them),
/// "error" or "signal".
class FakeWorld {
 public:
  RunWorld World() {
    return {
        [this](const vmm::KernelRequest& request, const vmm::KernelProgress&) -> Result<vmm::Kernel> {
          ++kernels;
          if (request.option == "/etc/passwd")
            return Error{ErrorKind::kInput, "'/etc/passwd' is not a Linux kernel image (no bzImage header)"};
          vmm::Kernel kernel;
          kernel.image = "/k/vmlinuz";
          kernel.version = "6.12.1";
          kernel.origin = "cache";
          kernel.package = "linux-image";
          return kernel;
        },
        [this](vmm::AccelRequest, const RunEnvironment&) -> Result<vmm::AccelChoice> {
          ++accels;
          if (!accel_fault.empty()) return Error{ErrorKind::kEnvironment, accel_fault};
          return vmm::AccelChoice{vmm::Accel::kTcg, "/dev/kvm does not exist"};
        },
        [this](const RunPlan& plan, const std::filesystem::path&, const RunEnvironment& environment,
               EventSink& sink) { return Run(plan, environment, sink); },
        [this] { return host; }};
  }

  int kernels = 0;
  int accels = 0;
  std::string accel_fault;
  std::vector<std::string> ran;
  std::filesystem::path scratch;
  vmm::HostCapacity host{1, 8000};

 private:
  RunOutcome Run(const RunPlan& plan, const RunEnvironment& environment, EventSink& sink) {
    const Scenario& scenario = plan.scenario;
    ran.push_back(scenario.name + (plan.variant.empty() ? "" : "#" + plan.variant));
    scratch = environment.scratch;
    CHECK(std::filesystem::is_directory(scratch));
    sink.OnConsole("Linux version 6.12.1\n");
    RunOutcome outcome;
    outcome.machine.kernel_release = "6.12.1";
    outcome.machine.accel = "tcg";
    outcome.machine.clock = "wall";
    outcome.machine.topology = vmm::FormatTopology(scenario.topology.Concrete());
    outcome.machine.memory_mib = 320;
    outcome.machine.started = "boot";
    outcome.machine.ready_ms = 5;
    outcome.machine.total_ms = 12;
    outcome.verdict = Verdict::kPass;
    if (scenario.name.starts_with("fail") || (scenario.name.starts_with("flaky") && ran.size() % 2 == 1)) {
      outcome.verdict = Verdict::kFail;
      outcome.cause = "iterations of cgroup hot is 3, below the minimum of 5";
      outcome.cause_path = scenario.name == "fail-default" ? "defaults/progress" : "steps/0/hold";
      if (scenario.name.ends_with("ejected"))
        outcome.record.schedulers.emplace_back().end = SchedulerEnd::kStall;
    } else if (scenario.name.starts_with("error")) {
      outcome.verdict = Verdict::kError;
      outcome.cause = "QEMU was killed by SIGKILL";
    } else if (scenario.name.starts_with("signal")) {
      ::kill(::getpid(), scenario.name == "signal-term" ? SIGTERM : SIGINT);
      outcome.verdict = Verdict::kError;
      outcome.cause = "interrupted";
    }
    RunEvent event;
    event.kind = EventKind::kVerdict;
    event.text = VerdictName(outcome.verdict);
    sink.OnEvent(event);
    return outcome;
  }
};

void Named(const std::string& file, const std::string& name, const std::string& more = "") {
  WriteText(file, "version: 1\nname: " + name + "\n" + more + "steps:\n  - hold: 1s\n");
}

CliResult Run(FakeWorld& world, CliOptions options) {
  std::ostringstream out, err;
  Console io{out, err};
  if (options.paths.empty()) options.paths = {"s"};
  CliResult result;
  result.code = RunScenarios(options, io, world.World());
  result.out = out.str();
  result.err = err.str();
  return result;
}

/// Without the parts that differ from run to run.
std::string Steady(std::string text) {
  const std::string run = std::filesystem::exists("runs/latest")
                              ? std::filesystem::read_symlink("runs/latest").string()
                              : std::string("none");
  for (std::size_t at = text.find(run); at != std::string::npos; at = text.find(run))
    text.replace(at, run.size(), "R");
  return std::regex_replace(text, std::regex(" in [0-9.]+ m?s"), " in T");
}

}  // namespace

TEST_CASE("A directory of scenarios: each has its line, then the totals") {
  const WorkDir dir;
  Named("s/a.yaml", "a");
  Named("s/b.yaml", "fail");
  WriteText("s/c.yaml", "version: 1\nsteps: [{hodl: 1s}]\n");
  Named("s/d.yaml", "d", "kernel: \">=6.13\"\n");
  Named("s/e.yaml", "e", "matrix: {topology: [1n1l2c1t, 1n1l4c1t]}\n");
  FakeWorld world;
  const CliResult result = Run(world, {});
  CHECK(result.code == 1);
  CHECK(result.err == "kernel 6.12.1 (cache), accel tcg (/dev/kvm does not exist), clock wall\n");
  CHECK(Steady(result.out) == R"(PASS s/a.yaml  [6.12.1, 1n1l2c1t]  12 ms
FAIL s/b.yaml: iterations of cgroup hot is 3, below the minimum of 5
  on     6.12.1, 1n1l2c1t, tcg  12 ms
  why    s/b.yaml:4:11  - hold: 1s
  next   ktstr-interp run s/b.yaml --seed 1 --accel tcg --kernel 6.12.1
  files  runs/R/fail
ERROR s/c.yaml: bad scenario: unknown key 'hodl' in Step
s/c.yaml:2:10: error[unknown-key]: unknown key 'hodl' in Step
     2 | steps: [{hodl: 1s}]
       |          ^~~~ did you mean 'hold'?
SKIP s/d.yaml: needs kernel >=6.13, this is 6.12.1
PASS s/e.yaml#1n1l2c1t  [6.12.1, 1n1l2c1t]  12 ms
PASS s/e.yaml#1n1l4c1t  [6.12.1, 1n1l4c1t]  12 ms
3 passed, 1 failed, 1 error, 1 skipped in T; results in runs/R
)");
  CHECK(world.ran == std::vector<std::string>{"a", "fail", "e#1n1l2c1t", "e#1n1l4c1t"});
  CHECK(world.kernels == 1);
  CHECK(world.accels == 1);
  CHECK_FALSE(std::filesystem::exists(world.scratch));
  CHECK(ReadText("runs/latest/fail/console.txt") == "Linux version 6.12.1\n");
  CHECK(ReadText("runs/latest/e@1n1l4c1t/scenario.yaml").starts_with("# s/e.yaml#1n1l4c1t as it was run\n"));
  CHECK(ReadText("runs/latest/e@1n1l4c1t/scenario.yaml").find("topology: 1n1l4c1t\n") != std::string::npos);
  CHECK(ReadText("runs/latest/e@1n1l4c1t/scenario.yaml").find("matrix:") == std::string::npos);
  CHECK_FALSE(std::filesystem::exists("runs/latest/d"));
}

TEST_CASE("The resolved scenario of a run is a scenario") {
  const WorkDir dir;
  Named("s/e.yaml", "e", "matrix: {topology: [1n1l2c1t, 1n1l4c1t]}\n");
  FakeWorld world;
  Run(world, {});
  CHECK(Cli({"lint", "runs/latest/e@1n1l2c1t/scenario.yaml"}).err == "1 file, no errors\n");
}

TEST_CASE("Exit codes follow the worst verdict") {
  const WorkDir dir;
  Named("p/a.yaml", "a");
  Named("e/a.yaml", "error");
  Named("s/a.yaml", "s", "kernel: \">=9.0\"\n");
  FakeWorld world;
  const auto code = [&](const std::vector<std::string>& paths) {
    CliOptions options;
    options.paths = paths;
    return Run(world, options).code;
  };
  CHECK(code({"p"}) == 0);
  CHECK(code({"p", "s"}) == 0);
  CHECK(code({"p", "e"}) == 2);
  CHECK(code({"p", "missing.yaml"}) == 2);
  CHECK(code({"/dev"}) == 2);  // no scenario in it
}

TEST_CASE("A missing file and an empty directory are errors beside what runs") {
  const WorkDir dir;
  Named("s/a.yaml", "a");
  WriteText("empty/x.txt", "");
  CliOptions options;
  options.paths = {"missing.yaml", "empty", "s"};
  FakeWorld world;
  CHECK(Steady(Run(world, options).out) ==
        R"(ERROR empty: no scenario (*.yaml, *.yml) in this directory
ERROR missing.yaml: no such file
PASS s/a.yaml  [6.12.1, 1n1l2c1t]  12 ms
1 passed, 2 errors in T; results in runs/R
)");
}

TEST_CASE("Nothing is looked for that nothing needs") {
  const WorkDir dir;
  WriteText("s/bad.yaml", "version: 1\n");
  FakeWorld world;
  CHECK(Run(world, {}).code == 2);
  CHECK(world.kernels == 0);
  CHECK_FALSE(std::filesystem::exists("runs"));
  Named("skip/a.yaml", "a", "kernel: \">=9.0\"\n");
  CliOptions options;
  options.paths = {"skip"};
  CHECK(Run(world, options).code == 0);
  CHECK(world.kernels == 1);
  CHECK(world.accels == 0);
}

TEST_CASE("A kernel that is none, or an accelerator that cannot be had, is every scenario's error") {
  const WorkDir dir;
  Named("s/a.yaml", "a");
  Named("s/b.yaml", "b");
  CliOptions options;
  options.kernel = "/etc/passwd";
  FakeWorld world;
  const CliResult no_kernel = Run(world, options);
  CHECK(no_kernel.code == 2);
  CHECK(Steady(no_kernel.out) ==
        R"(ERROR s/a.yaml: '/etc/passwd' is not a Linux kernel image (no bzImage header)
ERROR s/b.yaml: '/etc/passwd' is not a Linux kernel image (no bzImage header)
2 errors in T; results in runs/R
)");
  world.accel_fault = "KVM cannot be used: /dev/kvm does not exist";
  const CliResult no_kvm = Run(world, {});
  CHECK(no_kvm.out.starts_with("ERROR s/a.yaml: KVM cannot be used: /dev/kvm does not exist\n"));
  CHECK(no_kvm.code == 2);
  CHECK(world.accels == 1);  // asked once, believed for all
  CHECK(world.ran.empty());
}

TEST_CASE("--fail-fast stops after the first that does not pass") {
  const WorkDir dir;
  Named("s/a.yaml", "a");
  Named("s/b.yaml", "error");
  Named("s/c.yaml", "c");
  CliOptions options;
  options.fail_fast = true;
  FakeWorld world;
  const CliResult result = Run(world, options);
  CHECK(world.ran == std::vector<std::string>{"a", "error"});
  CHECK(Steady(result.out).ends_with("1 passed, 1 error, 1 not run in T; results in runs/R\n"));
  CHECK(result.code == 2);
}

TEST_CASE("--repeat runs each again, with a directory each") {
  const WorkDir dir;
  Named("s/a.yaml", "a");
  CliOptions options;
  options.repeat = 3;
  FakeWorld world;
  const CliResult result = Run(world, options);
  CHECK(world.ran.size() == 3);
  CHECK(result.out.starts_with("PASS s/a.yaml (1 of 3)  [6.12.1, 1n1l2c1t]  12 ms\n"));
  CHECK(std::filesystem::exists("runs/latest/a#3/verdict.json"));
}

TEST_CASE("A signal ends the run in order; what was left is not run") {
  const WorkDir dir;
  Named("s/a.yaml", "a");
  Named("s/b.yaml", "signal");
  Named("s/c.yaml", "c");
  FakeWorld world;
  const CliResult result = Run(world, {});  // that we are still here shows that it was not deadly
  CHECK(result.code == 2);
  CHECK(Steady(result.out) == R"(PASS s/a.yaml  [6.12.1, 1n1l2c1t]  12 ms
ERROR s/b.yaml: interrupted by SIGINT
  on     6.12.1, 1n1l2c1t, tcg  12 ms
  next   ktstr-interp run s/b.yaml --seed 1 --accel tcg --kernel 6.12.1
  files  runs/R/signal
1 passed, 1 error, 1 not run in T, interrupted by SIGINT; results in runs/R
)");
  CHECK(world.ran == std::vector<std::string>{"a", "signal"});
  CHECK(nlohmann::json::parse(ReadText("runs/latest/signal/verdict.json"))["cause"] ==
        "interrupted by SIGINT");
  CHECK_FALSE(std::filesystem::exists(world.scratch));
}

TEST_CASE("SIGTERM likewise, and the next invocation is not touched by it") {
  const WorkDir dir;
  Named("s/a.yaml", "signal-term");
  Named("t/a.yaml", "a");
  FakeWorld world;
  CHECK(Run(world, {}).out.starts_with("ERROR s/a.yaml: interrupted by SIGTERM\n"));
  CliOptions options;
  options.paths = {"t"};
  CHECK(Run(world, options).code == 0);
}

TEST_CASE("JSON and JUnit go to the output alone, people's lines beside it") {
  const WorkDir dir;
  Named("s/a.yaml", "a");
  CliOptions options;
  options.format = "json";
  FakeWorld world;
  const CliResult json = Run(world, options);
  CHECK(nlohmann::json::parse(json.out)["totals"]["PASS"] == 1);
  CHECK(Steady(json.err) == R"(kernel 6.12.1 (cache), accel tcg (/dev/kvm does not exist), clock wall
PASS s/a.yaml  [6.12.1, 1n1l2c1t]  12 ms
1 passed in T; results in runs/R
)");
  options.format = "junit";
  CHECK(Run(world, options)
            .out.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"1\""));
}

TEST_CASE("A results directory that cannot be made is one line, before anything boots") {
  const WorkDir dir;
  Named("s/a.yaml", "a");
  WriteText("file", "");
  CliOptions options;
  options.out = "file/runs";
  FakeWorld world;
  const CliResult result = Run(world, options);
  CHECK(result.code == 2);
  CHECK(result.err == "ktstr-interp: the results directory 'file/runs' cannot be made: Not a directory\n");
  CHECK(world.ran.empty());
}

TEST_CASE("A disk that fills up costs a pass, which lost its results, and no failure") {
  const WorkDir dir;
  Named("s/a.yaml", "a");
  Named("s/b.yaml", "fail");
  rlimit before = {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const rlimit limit = {15, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  FakeWorld world;
  const CliResult result = Run(world, {});
  ::setrlimit(RLIMIT_FSIZE, &before);
  CHECK(result.code == 1);
  CHECK(Steady(result.out) == R"(ERROR s/a.yaml: 'runs/R/a/verdict.json' cannot be written: File too large
  on     6.12.1, 1n1l2c1t, tcg  12 ms
  next   ktstr-interp run s/a.yaml --seed 1 --accel tcg --kernel 6.12.1
  files  runs/R/a
  warning: run directory incomplete: 'runs/R/a/scenario.yaml' cannot be written: File too large
FAIL s/b.yaml: iterations of cgroup hot is 3, below the minimum of 5
  on     6.12.1, 1n1l2c1t, tcg  12 ms
  why    s/b.yaml:4:11  - hold: 1s
  next   ktstr-interp run s/b.yaml --seed 1 --accel tcg --kernel 6.12.1
  files  runs/R/fail
  warning: run directory incomplete: 'runs/R/fail/scenario.yaml' cannot be written: File too large
1 failed, 1 error in T; results in runs/R
)");
}

TEST_CASE("A terminal shows one line that is rewritten, and clears it") {
  const WorkDir dir;
  Named("s/a.yaml", "a");
  CliOptions options;
  options.paths = {"s"};
  std::ostringstream out, err;
  Console io{out, err};
  io.live = true;
  FakeWorld world;
  CHECK(RunScenarios(options, io, world.World()) == 0);
  CHECK(err.str().ends_with("\r\x1b[K"));
}

TEST_CASE("The command that repeats a run is exact") {
  const WorkDir dir;
  Named("s/it's.yaml", "e", "matrix: {topology: [1n1l2c1t]}\n");
  const LoadedScenario loaded = LoadScenario({"s/it's.yaml"});
  REQUIRE_FALSE(loaded.has_errors);
  RunSummary summary;
  summary.kernel.image = "/boot/vmlinuz";
  summary.kernel.version = "6.12.1";
  summary.accel = "tcg";
  CliOptions options;
  options.program = "build/ktstr-interp";
  options.timeout = Seconds(90);
  options.clock = Clock::kVirtual;
  options.qemu = "/opt/my qemu";
  options.allow_host_files = true;
  CHECK(RepeatCommand(options, {&loaded, loaded.plans[0]}, summary) ==
        "build/ktstr-interp run 's/it'\\''s.yaml' --variant 1n1l2c1t --clock virtual --timeout 90s --seed 1 "
        "--allow-host-files --accel tcg --kernel /boot/vmlinuz --qemu '/opt/my qemu'");
}

TEST_CASE("A scenario that failed is run again, and the report says how often it failed") {
  const WorkDir dir;
  Named("s/a.yaml", "flaky", "on_failure: {rerun: 4}\n");
  FakeWorld world;
  const CliResult result = Run(world, {});
  CHECK(result.code == 1);
  CHECK(Steady(result.out) == R"(FAIL s/a.yaml: iterations of cgroup hot is 3, below the minimum of 5
  on     6.12.1, 1n1l2c1t, tcg  12 ms
  why    s/a.yaml:5:11  - hold: 1s
  again  failed 2 of 4 times
  next   ktstr-interp run s/a.yaml --seed 1 --accel tcg --kernel 6.12.1
  files  runs/R/flaky
1 failed in T; results in runs/R
)");
  CHECK(world.ran.size() == 5);
  const auto verdict = [](const std::string& path) {
    return nlohmann::json::parse(ReadText("runs/latest/flaky/" + path + "verdict.json"));
  };
  CHECK(verdict("").at("reruns").dump() == R"({"alike":2,"failed":2,"passed":2,"runs":4})");
  CHECK(verdict("rerun-1/").at("verdict") == "PASS");
  CHECK(verdict("rerun-2/").at("verdict") == "FAIL");
  CHECK(verdict("rerun-2/").count("reruns") == 0);
}

TEST_CASE("What has not failed is not run again, nor what would only repeat itself") {
  const WorkDir dir;
  Named("s/a.yaml", "passes", "on_failure: {rerun: 4}\n");
  Named("s/b.yaml", "error", "on_failure: {rerun: 4}\n");
  Named("s/c.yaml", "fail", "clock: virtual\non_failure: {rerun: 4}\n");
  FakeWorld world;
  CHECK(Run(world, {}).out.find("again") == std::string::npos);
  CHECK(world.ran.size() == 3);
}

TEST_CASE("A default check that the file does not mention is the same cause when it fails again") {
  const WorkDir dir;
  Named("s/a.yaml", "fail-default", "on_failure: {rerun: 2}\n");
  FakeWorld world;
  CHECK(Run(world, {}).out.find("\n  again  failed 2 of 2 times\n") != std::string::npos);
}

TEST_CASE("What failed under a scheduler is probed if that is wanted, and why it cannot be is told") {
  const WorkDir dir;
  const vmm::ScopedEnvironment cache("XDG_CACHE_HOME", (dir.path() / "cache").string());
  Named("s/a.yaml", "fail-ejected", "on_failure: {probe: true}\n");
  FakeWorld world;
  const std::string line =
      "\n  probe  it was not run again: ktstr_probe, which probes kernels, is not built; `ktstr-interp "
      "schedulers build` "
      "builds "
      "it\n";
  CHECK(Run(world, {}).out.find(line) != std::string::npos);
  CHECK(world.ran.size() == 1);
  const auto verdict = nlohmann::json::parse(ReadText("runs/latest/fail-ejected/verdict.json"));
  CHECK(verdict.at("probed").at("ran") == false);

  Named("s/a.yaml", "fail-ejected");
  CHECK(Run(world, {}).out.find("probe") == std::string::npos);
  CliOptions options;
  options.probe = true;
  CHECK(Run(world, options).out.find(line) != std::string::npos);
  Named("s/a.yaml", "fail");  // under no scheduler
  CHECK(Run(world, options).out.find("probe") == std::string::npos);
}

TEST_CASE("--rerun-failed takes the place of what scenarios say") {
  const WorkDir dir;
  Named("s/a.yaml", "fail", "on_failure: {rerun: 4}\n");
  FakeWorld world;
  CliOptions options;
  options.rerun = 0;
  CHECK(Run(world, options).out.find("again") == std::string::npos);
  options.rerun = 2;
  CHECK(Run(world, options).out.find("\n  again  failed 2 of 2 times\n") != std::string::npos);
  CHECK(world.ran.size() == 4);
}

TEST_CASE("--rerun-failed is an option of `run` and of nothing else") {
  const WorkDir dir;
  Named("s/a.yaml", "a");
  CHECK(Cli({"run", "s", "--dry-run", "--rerun-failed", "2"}).code == 0);
  const CliResult many = Cli({"run", "s", "--dry-run", "--rerun-failed", "1001"});
  CHECK(many.code == 64);
  CHECK_THAT(many.err, Catch::Contains("--rerun-failed: '1001' is not a whole number from 0 to 1000"));
  for (const char* command : {"kernel", "schedulers"})
    CHECK(Cli({command, "list", "--rerun-failed", "2"}).code == 64);
}
