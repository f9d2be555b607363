// Checks on the kernel's log: what is searched for, where it was found, and when nobody can say.
#include <catch2/catch.hpp>

#include "interpreter/fold/fold.h"
#include "interpreter/fold/kernel_log_scan.h"
#include "interpreter/judge/judge.h"
#include "interpreter/scenario/check_list.h"
#include "interpreter/scenario/checks/console_check.h"
#include "test/unit/interpreter/fold/test_fold_record.h"
#include "test/unit/interpreter/plan/loaded_plan.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

/// A log that was read whole: a message before the scenario, two in phase warm, one after it, one in hot.
RunRecord Record(const std::vector<std::string>& searched) {
  RunRecord record = RecordWithSteps({"warm", "hot"});
  KernelLogScan scan({}, searched);
  const auto say = [&](const std::string& text, std::uint64_t at_us, RunPosition at, bool early = false) {
    KernelMessages messages;
    messages.early = early;
    messages.messages.push_back({0, at_us, 6, text});
    scan.Take(messages, at, record.kernel_log);
  };
  say("sched_ext: early", 1, {0, true}, true);
  say("sched_ext: one", 1'500'000, {1, false});
  say("sched_ext: two", 1'600'000, {1, false});
  say("sched_ext: three", 1'700'000, {1, true});
  say("eth0: up", 2'500'000, {2, false});
  record.kernel_log.ended = true;
  return record;
}

std::string Said(const ConsoleCheck& check, const std::function<void(KernelLogRecord&)>& spoil = {},
                 const std::string& step = "") {
  CheckList list;
  DefaultChecks::Decl().shorthand->parse("off", &list.defaults);
  list.checks = {{"checks/0", step, CheckOf(check)}};
  RunRecord record = Record(ConsolePatterns(list));
  if (spoil) spoil(record.kernel_log);
  const auto results = Judge(record, Fold(record), list);
  REQUIRE(results.size() == 1);
  CHECK(results[0].kind == "console");
  return std::string(VerdictName(results[0].verdict)) + " [" + results[0].phase + "] " + results[0].message;
}

std::string Lint(const std::string& check) {
  return LoadedPlan("version: 1\nsteps:\n  - {name: only, hold: 1s}\nchecks: [" + check + "]\n").Messages();
}

}  // namespace

TEST_CASE("what must be in the kernel's log, and what must not") {
  CHECK(Said({{"sched_ext: t", {}}}) ==
        "PASS [] the kernel's log has /sched_ext: t/ in phase warm at 1.600000 s of the log: sched_ext: two; "
        "2 times in all");
  CHECK(Said({{"early", {}}}) == "FAIL [] the kernel's log has no /early/");
  CHECK(Said({{{}, "early"}}) == "PASS [] the kernel's log has no /early/");
  CHECK(Said({{{}, "^eth[0-9]"}}) ==
        "FAIL [] the kernel's log has /^eth[0-9]/ in phase hot at 2.500000 s of the log: eth0: up");
  CHECK(Said({{"sched_ext", "up"}}) ==
        "FAIL [] the kernel's log has /up/ in phase hot at 2.500000 s of the log: eth0: up");
}

TEST_CASE("a phase of the log, by its name or by where the check stands") {
  CHECK(Said({{"up", {}}, "warm"}) == "FAIL [warm] the kernel's log has no /up/ in phase warm");
  CHECK(Said({{"up", {}}}, {}, "hot") ==
        "PASS [hot] the kernel's log has /up/ in phase hot at 2.500000 s of the log: eth0: up");
  // Between two phases it is in none of them.
  CHECK(Said({{"three", {}}, "warm"}) == "FAIL [warm] the kernel's log has no /three/ in phase warm");
  CHECK(Said({{{}, "three"}}) ==
        "FAIL [] the kernel's log has /three/ after phase warm at 1.700000 s of the log: sched_ext: three");
}

TEST_CASE("what was not found in a log that is not whole is not known") {
  const auto lost = [](KernelLogRecord& log) { log.lost = 3; };
  const std::string unknown =
      "INCONCLUSIVE [] the kernel's log was not seen to have /zz/, but 3 messages were overwritten before "
      "they "
      "could be read";
  CHECK(Said({{{}, "zz"}}, lost) == unknown);
  CHECK(Said({{"zz", {}}}, lost) == unknown);
  CHECK(Said({{"zz", {}}}, [](KernelLogRecord& log) { log.ended = false; }) ==
        "INCONCLUSIVE [] the kernel's log was not seen to have /zz/, but it was not read to its end");
  CHECK(Said({{"zz", {}}}, [](KernelLogRecord& log) { log.fault = "gone"; }) ==
        "INCONCLUSIVE [] the kernel's log was not seen to have /zz/, but it could not be read: gone");
  // What was found is known all the same.
  CHECK(Said({{{}, "up"}}, lost).starts_with("FAIL"));
  CHECK(Said({{"up", {}}}, lost).starts_with("PASS"));
}

TEST_CASE("a console check that says nothing, or nothing that can be searched for, is refused") {
  CHECK(Lint("{console: {present: up, absent: down}, phase: only}") == "");
  CHECK(Lint("{console: {}}") == "checks/0/console: say what is searched for: present, absent, or both\n");
  CHECK(Lint("{console: {absent: \"\", present: \"(\"}}") ==
        "checks/0/console/present: it is not a regular expression\n"
        "checks/0/console/absent: an empty pattern is found in every message\n");
  CHECK(Lint("{console: {present: up}, phase: nly}") ==
        "checks/0/phase: there is no phase 'nly' in this scenario (did you mean 'only'?)\n");
  CHECK(Lint("{console: {present: up}, phase: BASELINE}") ==
        "checks/0/phase: the log is searched from the first step on, not in BASELINE\n");
}
