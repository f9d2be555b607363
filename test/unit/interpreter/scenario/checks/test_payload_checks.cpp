#include <catch2/catch.hpp>

#include "interpreter/fold/fold.h"
#include "interpreter/judge/judge.h"
#include "interpreter/scenario/checks/payload_checks.h"
#include "test/unit/interpreter/fold/test_fold_record.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

Quantity Q(std::string_view text) {
  Quantity quantity;
  REQUIRE(Quantity::Scalar().parse(text, &quantity).empty());
  return quantity;
}
PayloadCheck ExitCodeIs(int code) { return PayloadCheckOf(ExitCodeCheck{code}); }
PayloadCheck Min(const std::string& metric, std::string_view value) {
  return PayloadCheckOf(PayloadMinCheck{{metric, Q(value)}});
}
PayloadCheck Max(const std::string& metric, std::string_view value) {
  return PayloadCheckOf(PayloadMaxCheck{{metric, Q(value)}});
}
PayloadCheck Range(const std::string& metric, std::string_view lo, std::string_view hi) {
  return PayloadCheckOf(PayloadRangeCheck{{metric, Q(lo), Q(hi)}});
}
PayloadCheck Exists(const std::string& metric) { return PayloadCheckOf(PayloadExistsCheck{metric}); }

PayloadResult Stress() {
  PayloadResult payload;
  payload.name = "stress";
  payload.phase = 1;
  payload.done.exit_code = 0;
  payload.metrics.metrics = {{"ops", 50, "ops/s", Polarity::kHigher, Stream::kStdout},
                             {"lat", 3, "ms", Polarity::kLower, Stream::kStdout}};
  return payload;
}

std::vector<CheckResult> Run(const std::vector<PayloadResult>& payloads, std::vector<PayloadCheck> checks,
                             bool gate = true) {
  RunRecord record = RecordWithSteps({"warm"});
  record.payloads = payloads;
  CheckList list;
  list.defaults.payload_exits = false;  // tested in test_judge_kernel.cpp
  list.payloads = {{"payloads/stress/checks", "stress", gate, std::move(checks)}};
  return Judge(record, Fold(record), list);
}
std::vector<std::string> Said(const std::vector<CheckResult>& results) {
  std::vector<std::string> lines;
  for (const CheckResult& r : results)
    lines.push_back(std::string(VerdictName(r.verdict)) + " " + r.path + " (" + r.check + "): " + r.message);
  return lines;
}
using Text = std::vector<std::string>;

}  // namespace

TEST_CASE("payload checks that hold") {
  const auto results = Run({Stress()}, {Min("ops", "50"), ExitCodeIs(0), Max("lat", "3ms"),
                                        Range("ops", "50", "50"), Exists("lat"), Max("duration_ms", "1s")});
  CHECK(Said(results) ==
        Text{"PASS payloads/stress/checks/1 (exit_code of payload stress): payload stress exited with code 0",
             "PASS payloads/stress/checks/0 (min ops of payload stress): ops of payload stress is 50 ops/s",
             "PASS payloads/stress/checks/2 (max lat of payload stress): lat of payload stress is 3 ms",
             "PASS payloads/stress/checks/3 (range ops of payload stress): ops of payload stress is 50 ops/s",
             "PASS payloads/stress/checks/4 (exists lat of payload stress): lat of payload stress is 3 ms",
             "PASS payloads/stress/checks/5 (max duration_ms of payload stress): duration_ms of payload "
             "stress is 0 ms"});
  CHECK(results[0].phase == "warm");
}

TEST_CASE("payload metrics out of bounds, each on its own") {
  CHECK(Said(Run({Stress()},
                 {Min("ops", "51"), Max("lat", "2ms"), Range("ops", "60", "70"), Range("ops", "1", "2")})) ==
        Text{"FAIL payloads/stress/checks/0 (min ops of payload stress): ops of payload stress is 50 ops/s, "
             "below the "
             "minimum of 51 ops/s",
             "FAIL payloads/stress/checks/1 (max lat of payload stress): lat of payload stress is 3 ms, "
             "above the maximum "
             "of 2 ms",
             "FAIL payloads/stress/checks/2 (range ops of payload stress): ops of payload stress is 50 "
             "ops/s, below the "
             "minimum of 60 ops/s",
             "FAIL payloads/stress/checks/3 (range ops of payload stress): ops of payload stress is 50 "
             "ops/s, above the "
             "maximum of 2 ops/s"});
}

TEST_CASE("a metric that is not there fails, and what is there is told") {
  CHECK(Said(Run({Stress()}, {Exists("opz"), Min("opz", "1")})) ==
        Text{"FAIL payloads/stress/checks/0 (exists opz of payload stress): payload stress gave no metric "
             "opz: it printed "
             "ops, lat",
             "FAIL payloads/stress/checks/1 (min opz of payload stress): payload stress gave no metric opz: "
             "it printed "
             "ops, lat"});
  PayloadResult silent = Stress();
  silent.metrics.metrics.clear();
  CHECK(Run({silent}, {Exists("ops")})[0].message == "payload stress gave no metric ops: it printed none");
  silent.metrics.notes = {"no JSON document with numbers was found in the output"};
  CHECK(Run({silent}, {Exists("ops")})[0].message ==
        "payload stress gave no metric ops: no JSON document with numbers was found in the output");
}

TEST_CASE("a wrong exit code comes alone, with the end of stderr") {
  PayloadResult payload = Stress();
  payload.done.exit_code = 3;
  payload.stderr_text = "first\n  cannot open\tfile \n\n";
  const auto results = Run({payload}, {Min("ops", "51"), ExitCodeIs(0), ExitCodeIs(3)});
  CHECK(Said(results) == Text{"FAIL payloads/stress/checks/1 (exit_code of payload stress): payload stress "
                              "exited with code 3, wanted exit "
                              "code 0; stderr ends: cannot open file"});
  CHECK(results[0].detail == payload.stderr_text);
  CHECK(results[0].value == 3.0);
  CHECK(results[0].bound == 0.0);
}

TEST_CASE("the end of stderr is its last 1024 bytes, from a whole character on") {
  PayloadResult payload = Stress();
  payload.done.exit_code = 1;
  payload.stderr_text = std::string(500, 'x') + "é" + std::string(1023, 'y');
  const std::string tail = Run({payload}, {ExitCodeIs(0)})[0].detail;
  CHECK(tail == "..." + std::string(1023, 'y'));
  payload.stderr_text = std::string(500, 'x') + "é" + std::string(1022, 'y');
  CHECK(Run({payload}, {ExitCodeIs(0)})[0].detail == "...é" + std::string(1022, 'y'));
  payload.stderr_text = std::string(1024, 'y');
  const CheckResult whole = Run({payload}, {ExitCodeIs(0)})[0];
  CHECK(whole.detail == payload.stderr_text);
  CHECK(whole.message ==
        "payload stress exited with code 1, wanted exit code 0; stderr ends: ..." + std::string(160, 'y'));
  // Bytes that are no text at all.
  payload.stderr_text = std::string(3000, '\x80');
  CHECK(Run({payload}, {ExitCodeIs(0)})[0].detail.size() == 3 + 1024 - 3);
}

TEST_CASE("a payload that did not exit by itself has no exit code") {
  const auto message = [](PayloadEnd end, int signal) {
    PayloadResult payload = Stress();
    payload.cgroup = "hot";
    payload.done.end = end;
    payload.done.exit_code = -1;
    payload.done.signal = signal;
    const auto results = Run({payload}, {ExitCodeIs(0)});
    CHECK(results[0].verdict == Verdict::kFail);
    CHECK(results[0].cgroup == "hot");
    return results[0].message;
  };
  const std::string head = "payload stress in cgroup hot ";
  const std::string wanted = ", wanted exit code 0";
  CHECK(message(PayloadEnd::kExited, 11) == head + "was killed by SIGSEGV" + wanted);
  CHECK(message(PayloadEnd::kKilled, 9) == head + "was killed by the scenario before it ended" + wanted);
  CHECK(message(PayloadEnd::kTimedOut, 9) == head + "did not end within its wait and was killed" + wanted);
  CHECK(message(PayloadEnd::kCollected, 9) ==
        head + "was still running when its time was over and was killed" + wanted);
}

TEST_CASE("the code of a payload that did not exit by itself is never the one wanted") {
  PayloadResult payload = Stress();
  payload.done.end = PayloadEnd::kTimedOut;
  CHECK(Run({payload}, {ExitCodeIs(0)})[0].verdict == Verdict::kFail);
  payload.done.end = PayloadEnd::kExited;
  payload.done.exit_code = -1;
  payload.done.signal = 6;
  CHECK(Run({payload}, {ExitCodeIs(-1)})[0].verdict == Verdict::kFail);
}

TEST_CASE("every run of a payload is judged, in the order they ended") {
  PayloadResult first = Stress();
  first.metrics.metrics[0].value = 10;
  const auto results = Run({first, Stress()}, {Min("ops", "20")});
  REQUIRE(results.size() == 2);
  CHECK(results[0].verdict == Verdict::kFail);
  CHECK(results[1].verdict == Verdict::kPass);
}

TEST_CASE("without gate the results are shown and do not count") {
  const auto results = Run({Stress()}, {Min("ops", "51")}, false);
  CHECK(results[0].verdict == Verdict::kFail);
  CHECK_FALSE(results[0].counts);
  CHECK(Overall(results) == Verdict::kPass);
}

TEST_CASE("a payload that never ended leaves its checks inconclusive") {
  CHECK(Said(Run({}, {ExitCodeIs(0), Exists("ops")})) ==
        Text{"INCONCLUSIVE payloads/stress/checks (checks of payload stress): payload stress left no result "
             "for its "
             "checks to judge"});
  CHECK(Run({}, {}).empty());
}

TEST_CASE("a bound in a unit that does not fit is an ERROR") {
  CHECK(Said(Run({Stress()}, {Max("ops", "2s")})) ==
        Text{"ERROR payloads/stress/checks/0 (max ops of payload stress): the bound of ops makes no sense: "
             "2s is a time, "
             "which cannot bound a number in ops/s"});
}
