// Checks on what was seen from outside: their verdicts and the words of their messages; what pauses
// excuse.
#include <catch2/catch.hpp>

#include "interpreter/judge/judge.h"
#include "interpreter/judge/pauses.h"
#include "interpreter/scenario/checks/over_time_check.h"
#include "interpreter/scenario/checks/procs_check.h"
#include "interpreter/scenario/checks/read_check.h"
#include "interpreter/scenario/checks/snapshot_check.h"
#include "interpreter/scenario/checks/watch_check.h"

using namespace ktstr;

namespace {

vmm::RenderedValue Number(std::uint64_t value) {
  vmm::RenderedValue rendered;
  rendered.kind = vmm::RenderedValue::Kind::kUint;
  rendered.bits = 64;
  rendered.number = value;
  return rendered;
}

/// A hash of u32 -> {total}.
vmm::MapRecord Counts(std::uint64_t total) {
  vmm::RenderedValue value;
  value.kind = vmm::RenderedValue::Kind::kStruct;
  value.members.push_back({"total", Number(total)});
  vmm::MapRecord map;
  map.name = "counts";
  map.map_type = 1;
  map.type_name = "hash";
  map.entries.emplace();
  map.entries->push_back({Number(3), "03000000", value, "11"});
  return map;
}

StoredSnapshot Snapshot(const std::string& tag, std::uint64_t total, std::uint64_t elapsed_ms = 0) {
  StoredSnapshot snapshot;
  snapshot.tag = tag;
  snapshot.report.maps.push_back(Counts(total));
  snapshot.elapsed_ms = elapsed_ms;
  snapshot.phase = 1;
  return snapshot;
}

ReadRecord Read(const std::string& tag, std::uint64_t value) {
  ReadRecord read;
  read.tag = tag;
  read.place = "jiffies_64";
  read.text = std::to_string(value);
  read.value = static_cast<double>(value);
  read.number = value;
  return read;
}

RunRecord OnePhase() {
  RunRecord record;
  PhaseWindow phase;
  phase.index = 1;
  phase.name = "warm";
  phase.start_ns = 0;
  phase.end_ns = 1'000'000'000;
  phase.started = phase.ended = true;
  record.phases.push_back(phase);
  return record;
}

DefaultChecks DefaultsOff() {
  DefaultChecks defaults;
  REQUIRE(DefaultChecks::Decl().shorthand->parse("off", &defaults).empty());
  return defaults;
}

template <typename Args>
CheckResult JudgeOne(const Observations& observed, const Args& check) {
  CheckList list;
  list.defaults = DefaultsOff();
  list.checks.push_back({"checks/0", "", CheckOf(check)});
  const auto results = Judge(OnePhase(), {}, list, observed);
  REQUIRE(results.size() == 1);
  return results.front();
}

SnapshotCheck OfCounts(double min) {
  SnapshotCheck check;
  check.snapshot = "before";
  check.map = "counts";
  check.key = PlainText{"3"};
  check.field = "total";
  check.min = Quantity{min};
  return check;
}

}  // namespace

TEST_CASE("a failed check quotes the value in the snapshot, and where it is") {
  Observations observed;
  observed.snapshots.push_back(Snapshot("before", 17));
  const CheckResult failed = JudgeOne(observed, OfCounts(20));
  CHECK(failed.verdict == Verdict::kFail);
  CHECK(failed.message ==
        "map 'counts', key 3, field total in snapshot before is 17, below the minimum of 20");
  CHECK(failed.value == 17.0);
  CHECK(failed.bound == 20.0);
  CHECK(failed.phase == "warm");
  const CheckResult passed = JudgeOne(observed, OfCounts(17));
  CHECK(passed.verdict == Verdict::kPass);
  CHECK(passed.message == "map 'counts', key 3, field total in snapshot before is 17");
}

TEST_CASE("a snapshot that was not taken, and a name it does not have, never pass") {
  CHECK(JudgeOne({}, OfCounts(0)).verdict == Verdict::kInconclusive);
  CHECK(JudgeOne({}, OfCounts(0)).message ==
        "map 'counts', key 3, field total in snapshot before: that snapshot was not taken");
  Observations observed;
  observed.snapshots.push_back(Snapshot("before", 17));
  SnapshotCheck wrong = OfCounts(0);
  wrong.field = "totl";
  const CheckResult unknown = JudgeOne(observed, wrong);
  CHECK(unknown.verdict == Verdict::kError);
  CHECK(unknown.message.find("total") != std::string::npos);
  observed.snapshots.front().report = vmm::MakePlaceholder("the guest did not stop");
  CHECK(JudgeOne(observed, OfCounts(0)).verdict == Verdict::kError);
  CHECK(JudgeOne(observed, OfCounts(0)).message.find("the guest did not stop") != std::string::npos);
}

TEST_CASE("a snapshot that was not kept is said to have been dropped, for what and why") {
  Observations observed;
  observed.snapshots.push_back(Snapshot("w#64", 17));
  observed.evicted.push_back({"before", "w#64"});
  const CheckResult result = JudgeOne(observed, OfCounts(0));
  CHECK(result.verdict == Verdict::kInconclusive);
  CHECK(result.message ==
        "map 'counts', key 3, field total in snapshot before: that snapshot was dropped to make room for "
        "w#64: at most 64 of a run are kept");
}

TEST_CASE("the number of processes in a list is held against bounds; the last list of a tag counts") {
  Observations observed;
  observed.cgroup_procs = {{"busy", "hot", {}}, {"busy", "hot", {12, 7}}};
  ProcsCheck check;
  check.procs = "busy";
  check.min = Quantity{2.0};
  CHECK(JudgeOne(observed, check).verdict == Verdict::kPass);
  CHECK(JudgeOne(observed, check).message == "the number of processes in list busy (cgroup hot) is 2");
  check.min = Quantity{3.0};
  CHECK(JudgeOne(observed, check).verdict == Verdict::kFail);
  CHECK(JudgeOne(observed, check).message ==
        "the number of processes in list busy (cgroup hot) is 2, below the minimum of 3");
  check.procs = "calm";
  CHECK(JudgeOne(observed, check).verdict == Verdict::kInconclusive);
  CHECK(JudgeOne(observed, check).message == "process list calm was not made");
}

TEST_CASE("what may be in the part of a map that was not read cannot be decided") {
  Observations observed;
  observed.snapshots.push_back(Snapshot("before", 17));
  observed.snapshots.front().report.maps.front().truncated = true;
  SnapshotCheck other = OfCounts(0);
  other.key = PlainText{"4"};
  CHECK(JudgeOne(observed, other).verdict == Verdict::kInconclusive);
  CHECK(JudgeOne(observed, OfCounts(20)).verdict == Verdict::kFail);
}

TEST_CASE("the last value of a read counts, with all its bits") {
  Observations observed;
  observed.reads = {Read("j", 5), Read("j", 9007199254740993)};
  ReadCheck check;
  check.read = "j";
  check.equals = PlainText{"9007199254740993"};
  CHECK(JudgeOne(observed, check).verdict == Verdict::kPass);
  check.equals = PlainText{"9007199254740992"};
  CHECK(JudgeOne(observed, check).message == "read j (jiffies_64) is 9007199254740993, not 9007199254740992");
  ReadCheck never;
  never.read = "k";
  never.min = Quantity{1.0};
  CHECK(JudgeOne(observed, never).verdict == Verdict::kInconclusive);
  CHECK(JudgeOne(observed, never).message == "read k was not reached");
}

TEST_CASE("a count that may have missed some proves too many, never too few or few enough") {
  Observations observed;
  WatchRecord watch;
  watch.tag = "w";
  watch.fires = 5;
  watch.lower_bound = true;
  observed.watches.push_back(watch);
  WatchCheck check;
  check.watch = "w";
  check.max = Quantity{4.0};
  CHECK(JudgeOne(observed, check).verdict == Verdict::kFail);
  CHECK(JudgeOne(observed, check).message ==
        "the number of fires of watch w is at least 5, above the maximum of 4");
  check.max = Quantity{6.0};
  CHECK(JudgeOne(observed, check).verdict == Verdict::kInconclusive);
  check.max.reset();
  check.min = Quantity{6.0};
  CHECK(JudgeOne(observed, check).verdict == Verdict::kInconclusive);
  check.min = Quantity{5.0};
  CHECK(JudgeOne(observed, check).verdict == Verdict::kPass);
  observed.watches.front().lower_bound = false;
  check.min = Quantity{6.0};
  CHECK(JudgeOne(observed, check).verdict == Verdict::kFail);
}

TEST_CASE("periodic snapshots are a series, reads of one tag another; a single value decides nothing") {
  Observations observed;
  OverTimeCheck check;
  check.map = "counts";
  check.key = PlainText{"3"};
  check.field = "total";
  check.over_time.strictly_increasing = true;
  observed.periodic_target = 3;
  observed.snapshots.push_back(Snapshot("periodic_000", 4, 100));
  observed.snapshots.push_back(Snapshot("other", 1, 150));
  CHECK(JudgeOne(observed, check).verdict == Verdict::kInconclusive);
  observed.snapshots.push_back(Snapshot("periodic_001", 6, 200));
  // The third of three was evicted.
  CHECK(JudgeOne(observed, check).verdict == Verdict::kInconclusive);
  CHECK(JudgeOne(observed, check).message ==
        "map 'counts', key 3, field total (strictly_increasing): 1 of 3 samples is missing");
  observed.periodic_target = 2;
  CHECK(JudgeOne(observed, check).verdict == Verdict::kPass);
  observed.periodic_target = 3;
  observed.snapshots.push_back(Snapshot("periodic_002", 6, 300));
  const CheckResult failed = JudgeOne(observed, check);
  CHECK(failed.verdict == Verdict::kFail);
  CHECK(failed.message.find("periodic_002") != std::string::npos);

  ReadCheck reads;
  reads.read = "j";
  reads.over_time = check.over_time;
  observed.reads = {Read("j", 9007199254740992), Read("j", 9007199254740993)};
  CHECK(JudgeOne(observed, reads).verdict == Verdict::kPass);
}

TEST_CASE("a check of a step looks at the samples of its phase, and a deadline counts from its start") {
  Observations observed;
  observed.origin_ns = 5'000'000'000;
  RunRecord record = OnePhase();
  record.phases.front().start_ns = 6'000'000'000;  // 1000 ms after the origin
  for (const std::uint64_t ms : {100, 1100, 1200, 1300}) {
    ReadRecord read = Read("j", ms == 100 ? 9 : 5);
    read.elapsed_ms = ms;
    read.phase = ms == 100 ? 0 : 1;
    observed.reads.push_back(read);
  }
  ReadCheck check;
  check.read = "j";
  const auto judge = [&](const std::string& step) {
    CheckList list;
    list.defaults = DefaultsOff();
    list.checks.push_back({"checks/0", step, CheckOf(check)});
    const auto results = Judge(record, {}, list, observed);
    REQUIRE(results.size() == 1);
    return results.front();
  };
  check.over_time.emplace().converges_to = ConvergeSpec{5, 0, Duration{300'000'000}};
  CHECK(judge("warm").verdict == Verdict::kPass);
  CHECK(judge("warm").phase == "warm");
  CHECK(judge("").verdict == Verdict::kInconclusive);  // one sample in the first 300 ms of the run
  check.over_time.emplace().each = EachBounds{.min = std::nullopt, .max = 6};
  CHECK(judge("warm").verdict == Verdict::kPass);
  CHECK(judge("").verdict == Verdict::kFail);
  check.over_time->each->max = 4;
  CHECK(judge("warm").message == "read j in phase warm (each at most 4): 5 at sample #1 (+100ms)");
}

TEST_CASE("the monitor's verdict is a result of its own; report-only it does not count") {
  Observations observed;
  observed.monitor.emplace();
  observed.monitor->verdict = Verdict::kFail;
  observed.monitor->text = "monitor FAILED: 2 violation(s)";
  observed.monitor->violations = {"the first", "the second"};
  CheckList none;
  none.defaults = DefaultsOff();
  auto results = Judge(OnePhase(), {}, none, observed);
  REQUIRE(results.size() == 1);
  CHECK(results[0].message == "the first");
  CHECK(results[0].detail == "the second\n");
  CHECK(Overall(results) == Verdict::kFail);
  observed.monitor->enforce = false;
  CHECK(Overall(Judge(OnePhase(), {}, none, observed)) == Verdict::kPass);
}

TEST_CASE("a phase that was paused for too long decides nothing about latencies") {
  Observations observed;
  observed.pauses.push_back({"snapshot a", 1, 1, 0, 100});
  observed.pauses.push_back({"snapshot b", 2, 1, 0, 900});  // of another phase
  const RunRecord record = OnePhase();
  CHECK(PausedShare(record.phases[0], observed) == Approx(100.0 / 1100));
  const auto excused = [&] {
    CheckResult latency;
    latency.verdict = Verdict::kFail;
    latency.check = "max_gap_ms";
    latency.message = "max_gap_ms is 50 ms";
    CheckResult count = latency;
    count.check = "iterations";
    std::vector<CheckResult> results = {latency, count};
    ExcusePaused(record, observed, results);
    CHECK(results[1].verdict == Verdict::kFail);
    return results[0];
  };
  CHECK(excused().verdict == Verdict::kFail);
  observed.pauses.front().ms = 250;
  CHECK(excused().verdict == Verdict::kInconclusive);
  CHECK(excused().message ==
        "snapshots and watches paused the guest for 20 % of phase warm; max_gap_ms is 50 ms");
  CHECK(PausesText(observed) == "paused 2 times, 1150.0 ms");
  CHECK(PausesText({}) == "");
  observed.pauses.resize(1);
  observed.pauses.front().ms = 5.4;
  CHECK(PausesText(observed) == "paused once, 5.4 ms");
}
