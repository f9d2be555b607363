#include <catch2/catch.hpp>

#include "interpreter/fold/fold.h"
#include "interpreter/judge/judge.h"
#include "test/unit/interpreter/fold/test_fold_record.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

std::string Line(const CheckResult& r) {
  return std::string(VerdictName(r.verdict)) + " " + r.check + " [" + r.path + "|" + r.phase + "|" +
         r.cgroup + "] " + r.message;
}
std::vector<std::string> Lines(const std::vector<CheckResult>& results) {
  std::vector<std::string> lines;
  for (const CheckResult& result : results) lines.push_back(Line(result));
  return lines;
}
using Text = std::vector<std::string>;

/// Three healthy workers of cgroup hot in step warm.
RunRecord Healthy() {
  RunRecord record = RecordWithSteps({"warm"});
  record.groups = {Group(1, "hot", 3, 1)};
  for (std::uint32_t index = 0; index < 3; ++index) record.reports.push_back({1, Report(index)});
  return record;
}
std::vector<CheckResult> Defaults(const RunRecord& record, DefaultChecks defaults = {}) {
  CheckList list;
  list.defaults = defaults;
  list.defaults_path = "defaults";
  return Judge(record, Fold(record), list);
}
DefaultChecks AllOff() {
  DefaultChecks defaults;
  DefaultChecks::Decl().shorthand->parse("off", &defaults);
  return defaults;
}
DefaultChecks Only(bool DefaultChecks::*check) {
  DefaultChecks defaults = AllOff();
  defaults.*check = true;
  return defaults;
}

}  // namespace

TEST_CASE("verdicts, their order and exit codes") {
  CHECK(VerdictName(Verdict::kInconclusive) == "INCONCLUSIVE");
  CHECK(Worse(Verdict::kFail, Verdict::kError) == Verdict::kFail);
  CHECK(Worse(Verdict::kInconclusive, Verdict::kError) == Verdict::kError);
  CHECK(Worse(Verdict::kSkip, Verdict::kInconclusive) == Verdict::kInconclusive);
  CHECK(Worse(Verdict::kPass, Verdict::kSkip) == Verdict::kSkip);
  CHECK(ExitCode(Verdict::kPass) == 0);
  CHECK(ExitCode(Verdict::kSkip) == 0);
  CHECK(ExitCode(Verdict::kFail) == 1);
  CHECK(ExitCode(Verdict::kError) == 2);
  CHECK(ExitCode(Verdict::kInconclusive) == 2);

  std::vector<CheckResult> results(4);
  CHECK(Overall({}) == Verdict::kPass);
  CHECK(FirstCause(results, {}) == nullptr);
  results[1].verdict = Verdict::kError;
  results[2].verdict = Verdict::kFail;
  results[3].verdict = Verdict::kFail;
  CHECK(Overall(results) == Verdict::kFail);
  CHECK(FirstCause(results, {}) == &results[2]);
  results[2].counts = results[3].counts = false;
  CHECK(Overall(results) == Verdict::kError);
  CHECK(FirstCause(results, {}) == &results[1]);
  results[0].verdict = Verdict::kError;
  results[0].counts = false;
  CHECK(FirstCause(results, {}) == &results[1]);
}

TEST_CASE("default checks of a healthy run") {
  RunRecord record = Healthy();
  record.groups[0].allowed = CpuSet{{0, 1}};
  CHECK(Lines(Defaults(record)) ==
        Text{"PASS workers_reported [defaults||] all 3 workers left their reports",
             "PASS workers_set_up [defaults||] every worker was set up as asked for",
             "PASS progress [defaults||] every worker did some work",
             "PASS no_stall [defaults||] no worker stood still for more than 2000 ms",
             "PASS cpuset_isolation [defaults||] every worker stayed inside its cpusets"});
  CHECK(Overall(Defaults(record)) == Verdict::kPass);
}

TEST_CASE("default checks that are about nothing are not there") {
  CHECK(Defaults(RunRecord{}).empty());
  CHECK(Defaults(Healthy()).size() == 4);  // no cpuset, no isolation
  CHECK(Defaults(Healthy(), AllOff()).empty());
}

TEST_CASE("a missing report is an ERROR that says how the worker ended") {
  const auto message = [](ExitKind kind, int code, const std::string& text) {
    RunRecord record = Healthy();
    record.reports[1].report = Sentinel(1, kind, code);
    record.reports[1].report.exit_info->text = text;
    const auto results = Defaults(record, Only(&DefaultChecks::workers_reported));
    REQUIRE(results.size() == 1);
    return Line(results[0]);
  };
  const std::string head = "ERROR workers_reported [defaults|warm|hot] worker hot/1 left no report: ";
  CHECK(message(ExitKind::kSignaled, 9, "") == head + "killed by SIGKILL");
  CHECK(message(ExitKind::kSignaled, 11, "") == head + "killed by SIGSEGV");
  CHECK(message(ExitKind::kSignaled, 60, "") == head + "killed by signal 60");
  CHECK(message(ExitKind::kExited, 3, "") == head + "exited with code 3");
  CHECK(message(ExitKind::kExited, 0, "received 7 bytes\nof garbage") ==
        head + "exited with code 0 (received 7 bytes of garbage)");
  CHECK(message(ExitKind::kTimedOut, 0, "") == head + "it did not stop in time and was killed");
  CHECK(message(ExitKind::kWaitFailed, 0, "") == head + "it could not be reaped");

  RunRecord record = Healthy();
  record.reports.pop_back();
  CHECK(
      Line(Defaults(record)[0]) ==
      "ERROR workers_reported [defaults|warm|hot] worker hot/2 left no report: nothing was received from it");
  record.reports.pop_back();
  CHECK(Line(Defaults(record)[0]) ==
        "ERROR workers_reported [defaults|warm|hot] worker hot/1 left no report: nothing was received from "
        "it; 1 more "
        "worker of its cgroup too");
  record.reports[0].report = Sentinel(0, ExitKind::kExited, 1);
  record.reports[0].report.exit_info.reset();
  CHECK(Line(Defaults(record)[0]) ==
        "ERROR workers_reported [defaults|warm|hot] worker hot/0 left no report: it said nothing about how "
        "it ended; 2 "
        "more workers of its cgroup too");
}

TEST_CASE("with a report missing the other default checks cannot pass") {
  RunRecord record = Healthy();
  record.reports.pop_back();
  const auto results = Defaults(record);
  CHECK(Lines(results)[2] == "INCONCLUSIVE progress [defaults||] 1 of 3 workers left no report");
  CHECK(Lines(results)[3] == "INCONCLUSIVE no_stall [defaults||] 1 of 3 workers left no report");
  CHECK(Overall(results) == Verdict::kError);
  CHECK(Overall(Defaults(record, Only(&DefaultChecks::progress))) == Verdict::kInconclusive);
  record.reports.clear();
  CHECK(Lines(Defaults(record, Only(&DefaultChecks::progress))) ==
        Text{"INCONCLUSIVE progress [defaults||] 3 of 3 workers left no report"});
}

TEST_CASE("workers killed on purpose may be missing, crashed ones may not") {
  RunRecord record = Healthy();
  record.groups[0].may_be_killed = true;
  record.reports[1].report = Sentinel(1, ExitKind::kSignaled, 9);
  record.reports.pop_back();
  CHECK(Lines(Defaults(record, Only(&DefaultChecks::workers_reported))) ==
        Text{"PASS workers_reported [defaults||] all 1 workers left their reports"});
  record.reports[1].report = Sentinel(1, ExitKind::kSignaled, 11);
  CHECK(Lines(Defaults(record, Only(&DefaultChecks::workers_reported))) ==
        Text{"ERROR workers_reported [defaults|warm|hot] worker hot/1 left no report: killed by SIGSEGV"});
}

TEST_CASE("reports that cannot be are ERRORs") {
  RunRecord record = Healthy();
  record.reports.push_back({1, Report(1)});
  record.reports.push_back({9, Report(0)});
  record.groups.push_back(Group(2, "cold", 1, 1));
  record.reports.push_back({2, Report(0)});
  record.reports.push_back({2, Report(5)});
  CHECK(
      Lines(Defaults(record, Only(&DefaultChecks::workers_reported))) ==
      Text{"ERROR workers_reported [defaults|warm|hot] worker hot/1 left two reports",
           "ERROR workers_reported [defaults|warm|cold] worker cold/5 left a report, but only 1 were started",
           "ERROR workers_reported [defaults||] a report came from worker group 9, which was never started"});
}

TEST_CASE("a worker that could not be set up as asked is an ERROR") {
  RunRecord record = Healthy();
  record.reports[0].report.affinity_error = "sched_setaffinity: Invalid argument";
  record.reports[2].report.sched_policy_error = "sched_setattr: Operation not permitted";
  CHECK(Lines(Defaults(record, Only(&DefaultChecks::workers_set_up))) ==
        Text{"ERROR workers_set_up [defaults|warm|hot] worker hot/0 did not get its affinity: "
             "sched_setaffinity: "
             "Invalid argument; 1 more worker of its cgroup too"});
}

TEST_CASE("what could not be set up is called by its own name") {
  const auto line = [](std::string WorkerReport::*error) {
    RunRecord record = Healthy();
    record.reports[0].report.*error = "it did not work";
    return Lines(Defaults(record, Only(&DefaultChecks::workers_set_up)));
  };
  const std::string head = "ERROR workers_set_up [defaults|warm|hot] worker hot/0 did not get its ";
  CHECK(line(&WorkerReport::affinity_error) == Text{head + "affinity: it did not work"});
  CHECK(line(&WorkerReport::sched_policy_error) == Text{head + "scheduling policy: it did not work"});
  CHECK(line(&WorkerReport::nice_error) == Text{head + "nice value: it did not work"});
  CHECK(line(&WorkerReport::gid_error) == Text{head + "group id: it did not work"});
  CHECK(line(&WorkerReport::uid_error) == Text{head + "user id: it did not work"});
}

TEST_CASE("a worker whose work failed is an ERROR that says how, and no lack of progress") {
  RunRecord record = Healthy();
  record.reports[0].report.work_error = "mbind to node 9: Invalid argument";
  record.reports[0].report.work_units = 0;
  CHECK(Lines(Defaults(record, Only(&DefaultChecks::workers_set_up))) ==
        Text{"ERROR workers_set_up [defaults|warm|hot] worker hot/0 could not do its work: mbind to node 9: "
             "Invalid argument"});
  CHECK(Lines(Defaults(record, Only(&DefaultChecks::progress))) ==
        Lines(Defaults(Healthy(), Only(&DefaultChecks::progress))));
}

TEST_CASE("no progress names the worker that waited longest") {
  RunRecord record = Healthy();
  for (const std::size_t index : {0U, 1U}) {
    record.reports[index].report.work_units = 0;
    record.reports[index].report.cpu_time_ns = index * 3 * kMs;
    record.reports[index].report.wall_ns = (1 + index) * 1000 * kMs;
  }
  const auto results = Defaults(record, Only(&DefaultChecks::progress));
  CHECK(Lines(results) == Text{"FAIL progress [defaults|warm|hot] worker hot/1 made no progress: 0 work "
                               "units in 2000 ms, 3 ms of them on "
                               "a CPU; 1 more worker of its cgroup too"});
  // One that hardly lived cannot be blamed; a real failure still goes first.
  record.reports[1].report.wall_ns = 499 * kMs;
  CHECK(Lines(Defaults(record, Only(&DefaultChecks::progress)))[0].starts_with("FAIL progress"));
  record.reports[0].report.work_units = 1;
  CHECK(Lines(Defaults(record, Only(&DefaultChecks::progress))) ==
        Text{"INCONCLUSIVE progress [defaults|warm|hot] worker hot/1 did no work, but it lived for 499 ms "
             "only"});
}

TEST_CASE("a stall names worker, CPU, length and time") {
  RunRecord record = Healthy();
  WorkerReport& stalled = record.reports[2].report;
  stalled.max_gap_ms = 2000;
  CHECK(Overall(Defaults(record)) == Verdict::kPass);  // the limit itself is allowed
  stalled.max_gap_ms = 4812;
  stalled.max_gap_cpu = 5;
  stalled.max_gap_at_ms = 6062;
  const auto results = Defaults(record, Only(&DefaultChecks::no_stall));
  CHECK(Lines(results) ==
        Text{"FAIL no_stall [defaults|warm|hot] worker hot/2 did not run for 4812 ms on cpu 5 (limit "
             "2000 ms), 6062 ms after its start"});
  CHECK(results[0].value == 4812.0);
  CHECK(results[0].bound == 2000.0);
  CHECK(results[0].unit == "ms");
  DefaultChecks longer;
  longer.stall_limit = Seconds(5);
  CHECK(Overall(Defaults(record, longer)) == Verdict::kPass);
}

TEST_CASE("a backdrop worker's stall is placed in the phase it happened in") {
  RunRecord record = RecordWithSteps({"warm", "shrink"});
  WorkerGroup group = Group(1, "steady", 1, 0);
  group.backdrop = true;
  record.groups = {group};
  WorkerReport report = Report(0);
  report.created_ns = 11 * kSec;
  report.max_gap_ms = 3000;
  report.max_gap_at_ms = 4500;
  for (const std::uint32_t phase : {1U, 2U}) {
    PhaseSlice slice;
    slice.phase = phase;
    slice.begin_ns = (11 + (phase == 2 ? 1 : 0)) * kSec;
    slice.wall_ns = (phase == 2 ? 4 : 1) * kSec;
    slice.max_gap_ms = phase == 2 ? 3000 : 4;
    slice.max_gap_at_ms = phase == 2 ? 4500 : 400;
    report.phase_slices.push_back(slice);
  }
  record.reports = {{1, report}};
  CHECK(Defaults(record, Only(&DefaultChecks::no_stall)).at(0).phase == "shrink");
}

/// A FIFO hog and its victim, both on CPU 1 for the 4 s of step warm.
RunRecord Starved() {
  RunRecord record = RecordWithSteps({"warm"});
  record.groups = {Group(1, "bully", 1, 1), Group(2, "victim", 1, 1)};
  record.groups[0].policy = "FIFO 50";
  WorkerReport bully = Report(0);
  bully.created_ns = 11 * kSec;
  bully.wall_ns = 4 * kSec;
  PhaseSlice slice;
  slice.phase = 1;
  slice.begin_ns = 11 * kSec;
  slice.wall_ns = 4 * kSec;
  slice.cpu = 1;
  slice.cpus_used = {1};
  slice.cpu_time_ns = 3992 * kMs;
  bully.phase_slices = {slice};
  WorkerReport victim = bully;
  victim.work_units = victim.iterations = 0;
  victim.phase_slices[0].cpus_used = {};
  victim.phase_slices[0].cpu_time_ns = 0;
  victim.phase_slices[0].run_delay_ns = victim.run_delay_ns = 4 * kSec;
  victim.phase_slices[0].state = TaskState::kRunnable;
  victim.phase_slices[0].max_gap_ms = victim.max_gap_ms = 4000;
  victim.phase_slices[0].max_gap_at_ms = victim.max_gap_at_ms = 4000;
  victim.phase_slices[0].max_gap_cpu = victim.max_gap_cpu = 1;
  record.reports = {{1, bully}, {2, victim}};
  return record;
}

TEST_CASE("one that had turns and finished nothing in them decides nothing; one that ran on and on hangs") {
  RunRecord record = Starved();
  const auto after = [&record](std::uint64_t ran_ms) {
    PhaseSlice& slice = record.reports[1].report.phase_slices[0];
    slice.cpu_time_ns = record.reports[1].report.cpu_time_ns = ran_ms * kMs;
    slice.run_delay_ns = (4000 - ran_ms) * kMs;
    return Lines(Defaults(record, Only(&DefaultChecks::no_stall)))[0];
  };
  const std::string had = "; CPU 1 ran bully/0 (FIFO 50) for 99.8 % of it";
  CHECK(
      after(40) ==
      "FAIL no_stall [defaults|warm|victim] worker victim/0 was runnable for 4000 ms on CPU 1 and never ran" +
          had);
  CHECK(after(41) ==
        "INCONCLUSIVE no_stall [defaults|warm|victim] worker victim/0 ran for 41 ms of 4000 ms on "
        "CPU 1, too little to finish a piece of its work" +
            had);
  CHECK(Lines(Defaults(record, Only(&DefaultChecks::progress)))[0] ==
        "INCONCLUSIVE progress [defaults|warm|victim] worker victim/0 ran for 41 ms of 4000 ms on CPU 1, too "
        "little to finish a piece of its work" +
            had);
  CHECK(after(2000) ==
        "FAIL no_stall [defaults|warm|victim] worker victim/0 ran for 2000 ms of 4000 ms on CPU 1 "
        "and finished no piece of its work" +
            had);
  // What it ran before the gap is not of the gap.
  PhaseSlice& slice = record.reports[1].report.phase_slices[0];
  slice.max_gap_ms = record.reports[1].report.max_gap_ms = 2500;
  CHECK(after(1500).starts_with(
      "FAIL no_stall [defaults|warm|victim] worker victim/0 was runnable for 2500 ms"));
}

TEST_CASE("a starved worker's failure says what happened and who had the CPU") {
  const std::string said =
      "worker victim/0 was runnable for 4000 ms on CPU 1 and never ran; CPU 1 ran bully/0 (FIFO 50) for 99.8 "
      "% "
      "of it";
  CHECK(Lines(Defaults(Starved(), Only(&DefaultChecks::no_stall))) ==
        Text{"FAIL no_stall [defaults|warm|victim] " + said});
  const auto results = Defaults(Starved());
  CHECK(Overall(results) == Verdict::kFail);
  CHECK(FirstCause(results, Starved())->message == said);  // by the check on progress, which comes first

  // One that never came to write its report is judged alike, and is missing as well.
  RunRecord record = Starved();
  record.reports[1].report.completed = false;
  record.reports[1].report.exit_info = ExitInfo{ExitKind::kTimedOut, 9, "sent no report"};
  CHECK(Overall(Defaults(record)) == Verdict::kFail);
  const auto missing = Defaults(record);
  CHECK(FirstCause(missing, record)->message == said);
}

TEST_CASE("what the author asked for is no stall, and what the host did decides nothing") {
  RunRecord record = Starved();
  PhaseSlice& slice = record.reports[1].report.phase_slices[0];
  slice.throttled_ns = 1990 * kMs;
  CHECK(
      Lines(Defaults(record, Only(&DefaultChecks::no_stall))) ==
      Text{"FAIL no_stall [defaults|warm|victim] worker victim/0 was runnable for 4000 ms on CPU 1 and never "
           "ran; CPU 1 ran bully/0 (FIFO 50) for 99.8 % of it; its cgroup was throttled by cpu.max for 1990 "
           "ms "
           "of it"});
  slice.throttled_ns = 2000 * kMs;
  CHECK(Overall(Defaults(record, Only(&DefaultChecks::no_stall))) == Verdict::kPass);
  slice.throttled_ns = 0;
  slice.machine_stopped_ns = 3900 * kMs;
  CHECK(Lines(Defaults(record, Only(&DefaultChecks::no_stall)))[0].starts_with(
      "INCONCLUSIVE no_stall [defaults|warm|victim] nothing at all ran in the guest for 3900 ms: the host "
      "had "
      "stopped the machine; worker victim/0 was runnable"));
}

TEST_CASE("isolation is held against the set in force at the time") {
  RunRecord record = Healthy();
  record.groups[0].allowed = CpuSet{{0, 1, 2, 3}};  // what it had in all its life
  PhaseSlice slice;
  slice.phase = 1;
  slice.cpus_allowed = {2, 3};
  slice.cpus_used = {0, 1, 2};
  record.reports[1].report.phase_slices = {slice};
  CHECK(Overall(Defaults(record, Only(&DefaultChecks::cpuset_isolation))) == Verdict::kPass);
  PhaseSlice& judged = record.reports[1].report.phase_slices[0];
  judged.cpus_outside = {1};  // it stayed where it was, though that is allowed again
  judged.outside_of = {0, 3};
  CHECK(Lines(Defaults(record, Only(&DefaultChecks::cpuset_isolation))) ==
        Text{"FAIL cpuset_isolation [defaults|warm|hot] worker hot/1 ran on cpu 1, outside its cpuset 0,3"});
  judged.cpus_let_in = {1};
  CHECK(Overall(Defaults(record, Only(&DefaultChecks::cpuset_isolation))) == Verdict::kPass);
  judged.cpus_outside.clear();
  // The kernel let it elsewhere than its own set says, because its parent's shrank.
  record.groups[0].allowed = CpuSet{{0}};
  record.reports[1].report.cpus_used = {2};
  record.reports[0].report.cpus_used = record.reports[2].report.cpus_used = {0};
  CHECK(Overall(Defaults(record, Only(&DefaultChecks::cpuset_isolation))) == Verdict::kPass);
}

TEST_CASE("a worker whose last CPU went offline for a moment may run elsewhere, and no other may") {
  RunRecord record = Healthy();
  record.groups[0].allowed = CpuSet{{2, 3}};
  PhaseSlice slice;
  slice.phase = 1;
  slice.cpus_allowed = slice.outside_of = {2, 3};
  slice.cpus_outside = {5};
  record.reports[1].report.phase_slices = {slice};
  for (const std::uint32_t index : {0U, 2U}) record.reports[index].report.cpus_used = {2};
  const auto verdict = [&] { return Overall(Defaults(record, Only(&DefaultChecks::cpuset_isolation))); };
  record.kernel_log.offline = {{2, 1, false}};  // it had CPU 3 still
  CHECK(verdict() == Verdict::kFail);
  record.kernel_log.offline.push_back({3, 1, true});  // after the phase
  CHECK(verdict() == Verdict::kFail);
  record.kernel_log.offline.push_back({3, 1, false});
  CHECK(verdict() == Verdict::kPass);
  record.reports[1].report.phase_slices[0].phase = kBetweenPhases;
  CHECK(verdict() == Verdict::kFail);
  record.kernel_log.offline.push_back({2, 1, true});
  CHECK(verdict() == Verdict::kPass);
}

TEST_CASE("a worker that is back on its own CPU before anybody heard that it is online is not outside") {
  RunRecord record = Healthy();
  record.groups[0].allowed = CpuSet{{1}};
  PhaseSlice slice;
  slice.phase = 1;
  slice.cpus_allowed = {1};
  slice.outside_of = {0, 2, 3};  // what the kernel let it have meanwhile
  slice.cpus_outside = {1};
  record.reports[1].report.phase_slices = {slice};
  for (const std::uint32_t index : {0U, 2U}) record.reports[index].report.cpus_used = {1};
  const auto verdict = [&] { return Overall(Defaults(record, Only(&DefaultChecks::cpuset_isolation))); };
  CHECK(verdict() == Verdict::kFail);
  record.kernel_log.offline = {{1, 1, true}};  // after the phase
  CHECK(verdict() == Verdict::kFail);
  record.kernel_log.offline = {{1, 1, false}};
  CHECK(verdict() == Verdict::kPass);
  record.groups[0].allowed = CpuSet{{0, 2, 3}};  // it is none of its own
  CHECK(verdict() == Verdict::kFail);
}

TEST_CASE("a payload's task that did not run for longer than the limit is a stall, with who had its CPU") {
  RunRecord record = Starved();
  record.groups.pop_back();
  record.reports.pop_back();
  PayloadResult payload;
  payload.name = "loop";
  payload.done.longest_wait = TaskWait{48, "sh", 1, 1, 11 * kSec, 13 * kSec, 0, 0};
  record.payloads = {payload};
  TaskWait& wait = *record.payloads[0].done.longest_wait;
  const auto lines = [&record] { return Lines(Defaults(record, Only(&DefaultChecks::no_stall))); };
  const Text all_well{"PASS no_stall [defaults||] no worker stood still for more than 2000 ms"};
  CHECK(lines() == all_well);  // the limit itself is allowed
  wait.end_ns = 15 * kSec;
  const std::string said =
      "payload loop: its task sh[48] was runnable for 4000 ms on CPU 1 and did not run; CPU 1 ran bully/0 "
      "(FIFO 50) for 99.8 % of it";
  CHECK(lines().back() == "FAIL no_stall [defaults|warm|] " + said);
  wait.machine_stopped_ns = 2 * kSec;
  CHECK(lines().back() ==
        "INCONCLUSIVE no_stall [defaults|warm|] nothing at all ran in the guest for 2000 ms: the host had "
        "stopped the machine; " +
            said);
  wait.throttled_ns = 2 * kSec;  // by the author's own wish
  CHECK(lines() == all_well);
}

TEST_CASE("cpuset isolation names worker, CPU and time") {
  RunRecord record = Healthy();
  record.groups[0].allowed = CpuSet{{0, 1, 2, 3}};
  WorkerReport& stray = record.reports[1].report;
  stray.cpus_used = {0, 5, 6};
  CHECK(
      Lines(Defaults(record, Only(&DefaultChecks::cpuset_isolation))) ==
      Text{"FAIL cpuset_isolation [defaults|warm|hot] worker hot/1 ran on cpu 5-6, outside its cpuset 0-3"});
  stray.migrations = {{100 * kMs, 1, 0}, {812 * kMs, 0, 5}, {900 * kMs, 5, 6}};
  CHECK(Lines(Defaults(record, Only(&DefaultChecks::cpuset_isolation))) ==
        Text{"FAIL cpuset_isolation [defaults|warm|hot] worker hot/1 ran on cpu 5-6, outside its cpuset 0-3, "
             "812 ms "
             "after its start"});
}

TEST_CASE("findings are told by cgroup") {
  RunRecord record = Healthy();
  record.groups.push_back(Group(2, "", 1, 1));
  record.reports.push_back({2, Report(0)});
  record.reports[0].report.max_gap_ms = 2500;
  record.reports[3].report.max_gap_ms = 3500;
  CHECK(Lines(Defaults(record, Only(&DefaultChecks::no_stall))) ==
        Text{"FAIL no_stall [defaults|warm|hot] worker hot/0 did not run for 2500 ms on cpu 0 (limit 2000 "
             "ms), 0 ms "
             "after its start",
             "FAIL no_stall [defaults|warm|] worker runner/0 did not run for 3500 ms on cpu 0 (limit 2000 "
             "ms), 0 ms "
             "after its start"});
}

TEST_CASE("worker names") {
  RunRecord record;
  record.groups = {Group(1, "a", 1, 1), Group(2, "b", 1, 1), Group(3, "b", 1, 1), Group(7, "b", 1, 1)};
  record.groups[1].work_type = "Bursty";
  CHECK(WorkerName(record, record.groups[0], 3) == "a/3");
  CHECK(WorkerName(record, record.groups[1], 0) == "b/Bursty/0");
  CHECK(WorkerName(record, record.groups[3], 2) == "b/SpinWait#7/2");
}
