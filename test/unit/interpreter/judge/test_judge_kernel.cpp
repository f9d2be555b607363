// The default checks that are not about workers: the kernel's complaints, and how payloads exited.
#include <catch2/catch.hpp>

#include "interpreter/fold/fold.h"
#include "interpreter/judge/judge.h"
#include "test/unit/interpreter/fold/test_fold_record.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

using Text = std::vector<std::string>;

/// A run whose kernel log was read to its end and holds nothing.
RunRecord Quiet() {
  RunRecord record = RecordWithSteps({"warm", "hot"});
  record.kernel_log.begun = record.kernel_log.ended = true;
  record.kernel_log.taint_before = record.kernel_log.taint_after = 0;
  return record;
}

std::vector<CheckResult> Judged(const RunRecord& record, const CheckList& list = {}) {
  return Judge(record, Fold(record), list);
}
Text Lines(const std::vector<CheckResult>& results) {
  Text lines;
  for (const CheckResult& r : results)
    lines.push_back(std::string(VerdictName(r.verdict)) + (r.counts ? " " : " (shown) ") + r.check + " [" +
                    r.phase + "] " + r.message);
  return lines;
}

KernelComplaint Complained(std::uint32_t phase, bool after) {
  return {"warning", "WARNING: CPU: 0 PID: 1 at a.c:1", 12'500'000, phase, after, {"RIP: 0010:foo"}};
}

PayloadResult Ended(const std::string& name, std::int32_t code, std::int32_t signal, PayloadEnd end,
                    std::uint64_t at_ns = 12 * kSec) {
  PayloadResult payload;
  payload.name = name;
  payload.phase = 1;
  payload.done.end = end;
  payload.done.exit_code = code;
  payload.done.signal = signal;
  payload.done.ended_ns = at_ns;
  return payload;
}

CheckList WithRule(const PayloadRule& rule) {
  CheckList list;
  list.payload_rules.push_back(rule);
  return list;
}

}  // namespace

TEST_CASE("a kernel that did not complain passes") {
  CHECK(Lines(Judged(Quiet())) == Text{"PASS kernel_complaints [] the kernel did not complain"});
  RunRecord record = Quiet();
  record.kernel_log.allowed = 2;
  record.kernel_log.taint_allowed = record.kernel_log.taint_after.emplace(512);
  CHECK(Lines(Judged(record)) ==
        Text{"PASS kernel_complaints [] the kernel did not complain, but for 2 complaints that are allowed"});
}

TEST_CASE("the first complaint of the kernel fails the run in its phase") {
  RunRecord record = Quiet();
  record.kernel_log.complaints = {Complained(2, false)};
  record.kernel_log.complaints_seen = 1;
  std::vector<CheckResult> results = Judged(record);
  CHECK(Lines(results) ==
        Text{"FAIL kernel_complaints [hot] the kernel complained (warning) at 12.500000 s of "
             "its log: WARNING: CPU: 0 PID: 1 at a.c:1"});
  CHECK(results[0].detail == "RIP: 0010:foo\n");
  record.kernel_log.complaints = {Complained(1, true)};
  record.kernel_log.complaints_seen = 3;
  CHECK(Lines(Judged(record)) ==
        Text{"FAIL kernel_complaints [] the kernel complained (warning) at 12.500000 s of its log, after the "
             "end of warm: WARNING: CPU: 0 PID: 1 at a.c:1; 2 more complaints"});
}

TEST_CASE("a taint that the log does not explain fails the run, one that was there does not") {
  RunRecord record = Quiet();
  record.kernel_log.taint_before = 512 | 4096;
  record.kernel_log.taint_after = 512 | 4096 | 8192;  // a module was loaded
  CHECK(Lines(Judged(record)) == Text{"PASS kernel_complaints [] the kernel did not complain"});
  record.kernel_log.taint_after = 512 | 4096 | 16384;
  record.kernel_log.taint_phase = 1;
  CHECK(Lines(Judged(record)) == Text{"FAIL kernel_complaints [warm] the kernel became tainted: L (a soft "
                                      "lockup); its log does not say why"});
}

TEST_CASE("a kernel log that is not whole decides nothing") {
  RunRecord record = Quiet();
  record.kernel_log.lost = 7;
  CHECK(
      Lines(Judged(record)) ==
      Text{"INCONCLUSIVE kernel_complaints [] 7 messages of the kernel were lost: its log overran before it "
           "could be read; the others are no complaints"});
  record = Quiet();
  record.kernel_log.fault = "opening /dev/kmsg: Permission denied";
  CHECK(Lines(Judged(record)) == Text{"INCONCLUSIVE kernel_complaints [] the kernel's log could not be read: "
                                      "opening /dev/kmsg: Permission denied"});
  record = Quiet();
  record.kernel_log.taint_after.reset();
  CHECK(Lines(Judged(record)) ==
        Text{"INCONCLUSIVE kernel_complaints [] the kernel's taint mask could not be read"});
}

TEST_CASE("of a run that was broken off only a complaint of the kernel is told") {
  RunRecord record = Quiet();
  record.kernel_log.ended = false;
  CHECK(Judged(record).empty());
  record.kernel_log.complaints = {Complained(2, false)};
  record.kernel_log.complaints_seen = 1;
  CHECK(Judged(record).size() == 1);
}

TEST_CASE("a payload that exits badly fails the run without any check of its own") {
  RunRecord record = Quiet();
  record.payloads = {Ended("good", 0, 0, PayloadEnd::kExited), Ended("bad", 1, 0, PayloadEnd::kExited),
                     Ended("dead", -1, 11, PayloadEnd::kExited)};
  record.payloads[1].stderr_text = "no space left\n";
  CHECK(Lines(Judged(record)) ==
        Text{"PASS kernel_complaints [] the kernel did not complain",
             "FAIL payload_exits [warm] payload bad exited with code 1; stderr ends: no space left",
             "FAIL payload_exits [warm] payload dead was killed by SIGSEGV"});
}

TEST_CASE("a payload that the scenario ended has not exited badly") {
  RunRecord record = Quiet();
  for (const PayloadEnd end : {PayloadEnd::kKilled, PayloadEnd::kCollected, PayloadEnd::kTimedOut})
    record.payloads.push_back(Ended("p", -1, 9, end));
  CHECK(Lines(Judged(record))[1] ==
        "PASS payload_exits [] every payload exited with code 0 or was ended by the scenario");
}

TEST_CASE("whether a payload's exit counts is for its gate and its own checks to say") {
  RunRecord record = Quiet();
  record.payloads = {Ended("p", 3, 0, PayloadEnd::kExited)};
  CHECK(Lines(Judged(record, WithRule({"p", false, false}))) ==
        Text{"PASS kernel_complaints [] the kernel did not complain",
             "FAIL (shown) payload_exits [warm] payload p exited with code 3",
             "PASS payload_exits [] every payload exited with code 0 or was ended by the scenario"});
  CHECK(Judged(record, WithRule({"p", true, true})).size() == 1);
  CheckList off;
  off.defaults.payload_exits = false;
  CHECK(Judged(record, off).size() == 1);
}

TEST_CASE("the earliest cause comes first") {
  RunRecord record = Quiet();  // warm is over at 12 s, hot at 13 s
  std::vector<CheckResult> results(3);
  for (CheckResult& result : results) result.verdict = Verdict::kFail;
  results[0].phase = "hot";  // a check on a whole phase
  CHECK(FirstCause(results, record) == &results[0]);
  results[1].at_ns = 12 * kSec + 500 * kMs;
  CHECK(FirstCause(results, record) == &results[1]);
  results[2].at_ns = 12 * kSec + 400 * kMs;
  CHECK(FirstCause(results, record) == &results[2]);
  results[0].phase = "warm";  // over before either
  CHECK(FirstCause(results, record) == &results[0]);
  results[1].at_ns = 11 * kSec;
  results[1].counts = false;
  CHECK(FirstCause(results, record) == &results[0]);
  results[1].counts = true;
  results[1].verdict = Verdict::kInconclusive;  // the worst verdict decides first
  CHECK(FirstCause(results, record) == &results[0]);
}
