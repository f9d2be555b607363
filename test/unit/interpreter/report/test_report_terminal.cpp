#include <algorithm>

#include "interpreter/fold/metrics.h"
#include "interpreter/report/report_terminal.h"
#include "test/unit/interpreter/report/test_report_runs.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

std::string Render(const FinishedRun& run) { return RenderRun(run, "ktstr-interp", false); }

std::ptrdiff_t LineCount(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

}  // namespace

TEST_CASE("A pass is one line") {
  CHECK(Render(PassedRun()) == "PASS cpuset/shrink.yaml#1n2l2c1t  [6.12.1, 1n2l2c1t]  4.8 s\n");
  FinishedRun again = PassedRun();
  again.repeat = 2;
  again.repeats = 5;
  again.outcome.machine.clock = "virtual";
  CHECK(Render(again) ==
        "PASS cpuset/shrink.yaml#1n2l2c1t (2 of 5)  [6.12.1, 1n2l2c1t, virtual clock]  4.8 s\n");
  again.outcome.machine.guest_ms = 20'000;
  CHECK(Render(again) ==
        "PASS cpuset/shrink.yaml#1n2l2c1t (2 of 5)  [6.12.1, 1n2l2c1t, virtual clock: 20.0 s of "
        "guest time in 3.3 s]  4.8 s\n");
  CHECK(RenderRun(PassedRun(), "x", true) ==
        "\x1b[1m\x1b[32mPASS\x1b[0m cpuset/shrink.yaml#1n2l2c1t  [6.12.1, 1n2l2c1t]  4.8 s\n");
}

TEST_CASE("A pass with warnings and a full disk says so") {
  FinishedRun run = PassedRun();
  run.outcome.warnings = {"payload 's' was still running at the end of step 'x'; it was killed", "two",
                          "three"};
  run.directory_fault = "No space left on device (writing console.txt)";
  CHECK(Render(run) == R"(PASS cpuset/shrink.yaml#1n2l2c1t  [6.12.1, 1n2l2c1t]  4.8 s
  warn   payload 's' was still running at the end of step 'x'; it was killed
  warn   two
  warning: run directory incomplete: No space left on device (writing console.txt)
)");
}

TEST_CASE("A failed check: the cause first, then where it stands and the numbers") {
  CHECK(
      Render(FailedRun()) ==
      R"(FAIL cpuset/shrink.yaml#1n2l2c1t: max_gap_ms of cgroup hot is 4812 ms (worker hot/3 on cpu 5), above the maximum of 2000 ms
  on     6.12.1, 1n2l2c1t, tcg  9.8 s
  why    cpuset/shrink.yaml:41:7  - {metric: max_gap_ms, cgroup: hot, max: 2s}
  when   step 2 'shrink', which lasted 3.2 s
  where  cgroup hot: 8 workers on CPUs 0-3, max_gap_ms 4812 ms, iterations 1200, migrations 12
  |      cgroup cold: 1 worker and 1 missing on CPUs 4, max_gap_ms 10 ms
  also   FAIL iteration_rate of cgroup cold is 5
  |      INCONCLUSIVE no data for p99_wake_latency_us (and 1 more)
  next   ktstr-interp run cpuset/shrink.yaml --variant 1n2l2c1t --seed 42 --accel tcg --kernel 6.12.1
  files  runs/20260131T101502Z-4711/shrink@1n2l2c1t
)");
}

TEST_CASE("A default check that the file does not mention is named instead of a line") {
  FinishedRun run = FailedRun();
  run.outcome.checks = {run.outcome.checks[1]};
  run.outcome.checks[0].check = "no_stall";
  run.outcome.checks[0].path = "";
  run.cause_place = run.cause_source = "";
  CHECK(Render(run).find("\n  why    check no_stall\n") != std::string::npos);
}

TEST_CASE("A guest that died: its last words, harmless and short") {
  FinishedRun run = FailedRun();
  run.outcome.verdict = Verdict::kError;
  run.outcome.cause = "the guest kernel panicked: sysrq triggered crash";
  run.outcome.checks.clear();
  run.outcome.stats = {};
  run.outcome.console_tail = "one\r\ntwo\r\n\x1b[31mthree\r\n\r\nKernel panic - not syncing\r\n\r\n";
  run.cause_source = "- RunPayload: {payload: crash}";
  CHECK(Render(run) ==
        R"(ERROR cpuset/shrink.yaml#1n2l2c1t: the guest kernel panicked: sysrq triggered crash
  on     6.12.1, 1n2l2c1t, tcg  9.8 s
  why    cpuset/shrink.yaml:41:7  - RunPayload: {payload: crash}
  when   step 2 'shrink', which lasted 3.2 s
  guest  two
  |      \x1b[31mthree
  |      Kernel panic - not syncing
  next   ktstr-interp run cpuset/shrink.yaml --variant 1n2l2c1t --seed 42 --accel tcg --kernel 6.12.1
  files  runs/20260131T101502Z-4711/shrink@1n2l2c1t
)");
}

TEST_CASE("An interrupted run shows no numbers of its half") {
  FinishedRun run = FailedRun();
  run.interrupted = true;
  run.outcome.verdict = Verdict::kError;
  run.outcome.cause = "interrupted by SIGINT";
  run.outcome.console_tail = "one\ntwo";
  run.outcome.cause_phase = run.cause_place = run.cause_source = "";
  CHECK(Render(run) == R"(ERROR cpuset/shrink.yaml#1n2l2c1t: interrupted by SIGINT
  on     6.12.1, 1n2l2c1t, tcg  9.8 s
  next   ktstr-interp run cpuset/shrink.yaml --variant 1n2l2c1t --seed 42 --accel tcg --kernel 6.12.1
  files  runs/20260131T101502Z-4711/shrink@1n2l2c1t
)");
}

TEST_CASE("However much there is to say, it is 15 lines, and the way to repeat it is among them") {
  FinishedRun run = FailedRun();
  run.outcome.verdict = Verdict::kError;
  run.outcome.checks[1].verdict = Verdict::kError;
  run.outcome.cause_detail = "a\nb\nc\nd";
  run.outcome.console_tail = "1\n2\n3\n4\n5";
  run.outcome.warnings = {"w1", "w2", "w3", "w4"};
  run.directory_fault = "No space left on device (writing console.txt)";
  const std::string text = Render(run);
  CHECK(LineCount(text) == 15);
  CHECK(text.find("\n  next   ktstr-interp run ") != std::string::npos);
  CHECK(
      text.ends_with("  warning: run directory incomplete: No space left on device (writing console.txt)\n"));
  run.outcome.console_tail.clear();
  CHECK(LineCount(Render(run)) == 15);  // the room goes to warnings
  CHECK(Render(run).find("\n  warn   w1\n") != std::string::npos);
}

TEST_CASE("Text of a guest cannot steer the terminal or break a line") {
  FinishedRun run = FailedRun();
  run.outcome.cause = "said \x1b]0;title\x07 and\nmore";
  CHECK(Render(run).starts_with(R"(FAIL cpuset/shrink.yaml#1n2l2c1t: said \x1b]0;title\x07 and more)"
                                "\n"));
}

TEST_CASE("A skip is one line") {
  FinishedRun run = PassedRun();
  run.outcome.verdict = Verdict::kSkip;
  run.outcome.cause = "needs kernel >=6.13, this is 6.12.1";
  CHECK(Render(run) == "SKIP cpuset/shrink.yaml#1n2l2c1t: needs kernel >=6.13, this is 6.12.1\n");
}

TEST_CASE("A bad scenario shows its diagnostics, as many as fit") {
  FinishedRun run;
  run.file = "b.yaml";
  run.outcome.cause = "bad scenario: 5 errors; the first: e0";
  for (std::uint32_t i = 0; i < 5; ++i) {
    LocatedDiagnostic diagnostic = LocateFile("b.yaml", "rule", "e" + std::to_string(i));
    diagnostic.span = {i + 1, 1, 2};
    diagnostic.excerpt = "xx";
    run.diagnostics.push_back(diagnostic);
  }
  run.diagnostics.insert(run.diagnostics.begin(), LocateFile("b.yaml", "odd", "a warning"));
  run.diagnostics.front().severity = Severity::kWarning;
  CHECK(Render(run) == R"(ERROR b.yaml: bad scenario: 5 errors; the first: e0
b.yaml:1:1: error[rule]: e0
     1 | xx
       | ^~
b.yaml:2:1: error[rule]: e1
     2 | xx
       | ^~
b.yaml:3:1: error[rule]: e2
     3 | xx
       | ^~
b.yaml:4:1: error[rule]: e3
     4 | xx
       | ^~
  and 2 more: ktstr-interp lint b.yaml
)");
}

TEST_CASE("Totals") {
  RunSummary summary;
  summary.elapsed_ms = 92'400;
  CHECK(RenderTotals(summary) == "nothing to run in 92 s\n");
  for (int i = 0; i < 17; ++i) summary.runs.push_back(PassedRun());
  CHECK(RenderTotals(summary) == "17 passed in 92 s\n");
  CHECK(WorstOf(summary) == Verdict::kPass);
  summary.runs.push_back({});
  CHECK(RenderTotals(summary) == "17 passed, 1 error in 92 s\n");
  CHECK(WorstOf(summary) == Verdict::kError);
  summary.runs.push_back(FailedRun());
  summary.runs.push_back({});
  summary.not_run = {"x.yaml"};
  summary.interrupted_by = "SIGINT";
  summary.directory = "runs/1";
  CHECK(RenderTotals(summary) ==
        "17 passed, 1 failed, 2 errors, 1 not run in 92 s, interrupted by SIGINT; results in runs/1\n");
  CHECK(WorstOf(summary) == Verdict::kFail);
  RunSummary interrupted;
  interrupted.interrupted_by = "SIGTERM";
  CHECK(WorstOf(interrupted) == Verdict::kError);
}

TEST_CASE("Times are short") {
  CHECK(FormatElapsed(85.4) == "85 ms");
  CHECK(FormatElapsed(4849) == "4.8 s");
  CHECK(FormatElapsed(92'400) == "92 s");
}

TEST_CASE("The metrics shown about any cgroup exist") {
  for (const char* name :
       {"max_gap_ms", "iterations", "migrations", "off_cpu_spread_pct", "p99_wake_latency_us"})
    CHECK(FindMetric(name) != nullptr);
}

TEST_CASE("A host that did not serve QEMU well is named") {
  FinishedRun run = PassedRun();
  run.outcome.machine.cpu_quality = CpuGrade::kGood;
  run.outcome.machine.cpu_wait_pct = 3;
  CHECK(Render(run) == "PASS cpuset/shrink.yaml#1n2l2c1t  [6.12.1, 1n2l2c1t]  4.8 s\n");
  run.outcome.machine.cpu_quality = CpuGrade::kPoor;
  run.outcome.machine.cpu_wait_pct = 34.4;
  CHECK(Render(run) ==
        "PASS cpuset/shrink.yaml#1n2l2c1t  [6.12.1, 1n2l2c1t, host CPU contention: poor (34 % waiting)]  4.8 "
        "s\n");
}
