// The default check scheduler_attached and the checks `scheduler`.
#include <signal.h>

#include <catch2/catch.hpp>

#include "interpreter/fold/fold.h"
#include "interpreter/judge/judge.h"
#include "interpreter/scenario/checks/scheduler_check.h"
#include "test/unit/interpreter/fold/test_fold_record.h"
#include "test/unit/interpreter/plan/loaded_plan.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

using Text = std::vector<std::string>;

SchedulerRecord Ended(SchedulerEnd end, const std::string& reason = "", const std::string& message = "") {
  SchedulerRecord record;
  record.name = "mine";
  record.phase = 1;
  record.attached_ns = 10 * kSec;
  record.end = end;
  record.reason = reason;
  record.message = message;
  record.ended_ns = end == SchedulerEnd::kDetached ? 0 : 12 * kSec + 250 * kMs;
  record.end_phase = 2;
  return record;
}
SchedulerRecord Stalled() {
  return Ended(SchedulerEnd::kStall, "runnable task stall", "sh[68] failed to run for 3.052s");
}
SchedulerRecord Detached() { return Ended(SchedulerEnd::kDetached); }
PayloadDone ProgramEnd(std::int32_t code, std::int32_t signal) {
  PayloadDone done;
  done.exit_code = code;
  done.signal = signal;
  return done;
}

/// The results of a run in which `schedulers` were, judged by what `rest` of a scenario says.
std::vector<CheckResult> Judged(std::vector<SchedulerRecord> schedulers, const std::string& rest = "") {
  const LoadedPlan loaded(
      "version: 1\nschedulers: {mine: {binary: sh}, other: {binary: sh}}\nscheduler: mine\n"
      "steps: [{name: warm}, {name: hot}]\n" +
      rest);
  INFO(loaded.Messages());
  REQUIRE(loaded.Messages().empty());
  RunRecord record = RecordWithSteps({"warm", "hot"});
  record.schedulers = std::move(schedulers);
  record.kernel_log.begun = record.kernel_log.ended = true;
  record.kernel_log.taint_before = record.kernel_log.taint_after = 0;
  std::vector<CheckResult> results = Judge(record, Fold(record), loaded.plans.front()->checks);
  std::erase_if(results, [](const CheckResult& r) { return r.check == "kernel_complaints"; });
  return results;
}
Text Lines(const std::vector<CheckResult>& results) {
  Text lines;
  for (const CheckResult& r : results)
    lines.push_back(std::string(VerdictName(r.verdict)) + " " + r.check + " [" + r.phase + "] " + r.message);
  return lines;
}
Text LinesOf(std::vector<SchedulerRecord> schedulers, const std::string& rest = "") {
  return Lines(Judged(std::move(schedulers), rest));
}

}  // namespace

TEST_CASE("schedulers that were detached pass, and of none nothing is said") {
  CHECK(LinesOf({}).empty());
  CHECK(LinesOf({Detached(), Detached()}) ==
        Text{"PASS scheduler_attached [] every scheduler stayed attached until it was detached"});
}

TEST_CASE("a scheduler that ended in another way fails in its phase, with how") {
  const auto line = [](SchedulerRecord record) { return LinesOf({std::move(record)}).at(0); };
  const std::string ejected =
      "FAIL scheduler_attached [hot] scheduler mine was ejected 2.250 s after it was attached: ";
  const std::string ended =
      "FAIL scheduler_attached [hot] scheduler mine ended 2.250 s after it was attached: ";
  CHECK(line(Stalled()) == ejected + "runnable task stall: sh[68] failed to run for 3.052s");
  CHECK(line(Ended(SchedulerEnd::kError, "runtime error", "one\ntwo")) == ejected + "runtime error: one two");
  CHECK(line(Ended(SchedulerEnd::kError, "scx_bpf_error")) == ejected + "scx_bpf_error");
  CHECK(line(Ended(SchedulerEnd::kExit, "unregistered from BPF", "bye")) ==
        ended + "unregistered from BPF: bye");
  CHECK(line(Ended(SchedulerEnd::kKernel, "unregistered from the main kernel")) ==
        ended + "unregistered from the main kernel");
  CHECK(line(Ended(SchedulerEnd::kSysrq, "disabled by sysrq-S")) == ended + "disabled by sysrq-S");
  CHECK(line(Ended(SchedulerEnd::kUnregistered)) == ended + "its program unregistered it and ran on");
  CHECK(line(Ended(SchedulerEnd::kUnknown)) ==
        ended + "the kernel had disabled it, and its log does not say why");
  SchedulerRecord crashed = Ended(SchedulerEnd::kProgramKilled);
  crashed.program = ProgramEnd(0, SIGSEGV);
  CHECK(line(crashed) == ended + "its program was killed by SIGSEGV");
  SchedulerRecord exited = Ended(SchedulerEnd::kProgramExited);
  exited.program = ProgramEnd(2, 0);
  CHECK(line(exited) == ended + "its program exited with code 2");
}

TEST_CASE("a scheduler's failure says when it was, and holds its stack and its last words") {
  SchedulerRecord record = Stalled();
  record.stack = {"scx_watchdog_workfn+0x1/0x2", "kthread+0x3/0x4"};
  record.stderr_end = "EXIT: runnable task stall\n";
  std::vector<CheckResult> results = Judged({record});
  REQUIRE(results.size() == 1);
  CHECK(results[0].at_ns == 12 * kSec + 250 * kMs);
  CHECK(results[0].detail == "scx_watchdog_workfn+0x1/0x2\nkthread+0x3/0x4\nEXIT: runnable task stall\n");
  record.after_phase = true;
  CHECK(Judged({record}).at(0).phase.empty());
  record.ended_ns = record.attached_ns - 1;  // the log's clock is not the guest's
  CHECK(Judged({record}).at(0).message.starts_with("scheduler mine was ejected 0.000 s after"));
}

TEST_CASE("each of several schedulers fails for itself") {
  SchedulerRecord other = Stalled();
  other.name = "other";
  CHECK(LinesOf({Stalled(), Detached(), other}).size() == 2);
}

TEST_CASE("a check says how a scheduler must end, and then that is no failure") {
  const std::string stall = "checks: [{scheduler: mine, end: stall}]\n";
  CHECK(LinesOf({Stalled()}, stall) ==
        Text{"PASS scheduler [] scheduler mine: runnable task stall: sh[68] failed to run for 3.052s"});
  CHECK(LinesOf({Detached()}, stall) ==
        Text{"FAIL scheduler [] scheduler mine ended in another way, wanted stall: it was detached"});
  CHECK(LinesOf({Ended(SchedulerEnd::kError, "runtime error", "oh")}, stall) ==
        Text{"FAIL scheduler [] scheduler mine ended in another way, wanted stall: runtime error: oh"});
  CHECK(LinesOf({}, stall) == Text{"INCONCLUSIVE scheduler [] scheduler mine was never attached"});
  CHECK(Judged({Stalled()}, stall).at(0).at_ns == 12 * kSec + 250 * kMs);
  const std::string detached = "checks: [{scheduler: mine}]\n";
  CHECK(LinesOf({Detached()}, detached) == Text{"PASS scheduler [] scheduler mine: it was detached"});
  CHECK(LinesOf({Stalled()}, detached) ==
        Text{"FAIL scheduler [] scheduler mine ended in another way, wanted detached: runnable task stall: "
             "sh[68] failed to run for 3.052s"});
}

TEST_CASE("a check can also say in which phase a scheduler ends, and with which words") {
  const auto line = [](const std::string& more, SchedulerRecord record = Stalled()) {
    return LinesOf({std::move(record)}, "checks: [{scheduler: mine, end: stall, " + more + "}]\n").at(0);
  };
  const std::string words = "runnable task stall: sh[68] failed to run for 3.052s";
  CHECK(line("phase: hot, matches: 'sh.[0-9]+. failed'") == "PASS scheduler [] scheduler mine: " + words);
  CHECK(line("phase: warm") == "FAIL scheduler [] scheduler mine ended in phase hot, wanted stall: " + words);
  CHECK(line("matches: worker") ==
        "FAIL scheduler [] scheduler mine ended with words in which 'worker' is not found, wanted stall: " +
            words);
  SchedulerRecord between = Stalled();
  between.after_phase = true;
  CHECK(line("phase: hot", between) ==
        "FAIL scheduler [] scheduler mine ended between two phases, wanted stall: " + words);
}

TEST_CASE("a check is about the last attach, and speaks for those before it that ended in the same way") {
  const std::string detached = "checks: [{scheduler: mine, end: detached}]\n";
  const Text ejected = LinesOf({Stalled(), Detached()}, detached);
  REQUIRE(ejected.size() == 2);  // the first attach is not hidden by the second
  CHECK(ejected[0].starts_with("FAIL scheduler_attached [hot] scheduler mine was ejected"));
  CHECK(ejected[1] == "PASS scheduler [] scheduler mine: it was detached");
  const std::string stall = "checks: [{scheduler: mine, end: stall}]\n";
  CHECK(LinesOf({Stalled(), Stalled()}, stall).size() == 1);
  CHECK(LinesOf({Detached(), Stalled()}, stall) ==
        Text{"PASS scheduler_attached [] every scheduler stayed attached until it was detached",
             "PASS scheduler [] scheduler mine: runnable task stall: sh[68] failed to run for 3.052s"});
  // Another scheduler is another matter.
  SchedulerRecord other = Stalled();
  other.name = "other";
  CHECK(LinesOf({other, Stalled()}, stall).size() == 2);
}

TEST_CASE("the default check can be switched off, and the checks of the scenario stay") {
  CHECK(LinesOf({Stalled()}, "defaults: off\n").empty());
  CHECK(LinesOf({Stalled()}, "defaults: {scheduler_attached: off}\n").empty());
  CHECK(LinesOf({Stalled()}, "defaults: off\nchecks: [{scheduler: mine}]\n").size() == 1);
}

TEST_CASE("an ejected scheduler comes before what followed from it, and after what went before") {
  const auto first = [](std::uint64_t payload_at) {
    const LoadedPlan loaded(
        "version: 1\nschedulers: {mine: {binary: sh}}\nscheduler: mine\nsteps: [{hold: 1s}]\n");
    RunRecord record = RecordWithSteps({"warm", "hot"});
    record.schedulers = {Stalled()};
    PayloadResult payload;
    payload.name = "web";
    payload.phase = 1;
    payload.done.exit_code = 1;
    payload.done.ended_ns = payload_at;
    record.payloads = {payload};
    const std::vector<CheckResult> results = Judge(record, Fold(record), loaded.plans.front()->checks);
    return FirstCause(results, record)->check;
  };
  CHECK(first(12 * kSec) == "payload_exits");
  CHECK(first(13 * kSec) == "scheduler_attached");
}
