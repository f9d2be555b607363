// Shares: who had how much of what, and what is said of checks on them.
#include <catch2/catch.hpp>

#include "interpreter/fold/fold.h"
#include "interpreter/judge/cpu_quality.h"
#include "interpreter/judge/judge.h"
#include "interpreter/scenario/checks/share_check.h"
#include "test/unit/interpreter/fold/test_fold_record.h"
#include "test/unit/interpreter/plan/loaded_plan.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

/// Of 1000 ms of CPU time a has 200 (named `one` 150, `two` 50), b 600 and c 200; b alone makes iterations.
RunRecord Record() {
  RunRecord record = RecordWithSteps({"only"});
  record.groups = {Group(1, "a", 1, 1), Group(2, "a", 1, 1), Group(3, "b", 1, 1), Group(4, "c", 1, 1)};
  record.groups[0].name = "one";
  record.groups[1].name = "two";
  const std::uint64_t ms[] = {150, 50, 600, 200};
  for (std::uint32_t i = 0; i < 4; ++i) {
    WorkerReport report = Report(0);
    report.schedstat_available = true;
    report.schedstat_cpu_time_ns = ms[i] * 1'000'000;
    report.iterations = i == 2 ? 40 : 0;
    report.work_units = i == 2 ? 30 : 10;
    record.reports.push_back({i + 1, report});
  }
  return record;
}

std::string Said(const ShareCheck& check, const RunRecord& record = Record()) {
  CheckList list;
  DefaultChecks::Decl().shorthand->parse("off", &list.defaults);
  list.checks = {{"checks/0", "", CheckOf(check)}};
  const auto results = Judge(record, Fold(record), list);
  REQUIRE(results.size() == 1);
  CHECK(results[0].check.starts_with("share of "));
  return std::string(VerdictName(results[0].verdict)) + " " + results[0].message;
}

/// What lint says of one check on cgroups a (groups one, two) and b.
std::string Lint(const std::string& check) {
  return LoadedPlan(
             "version: 1\nsteps:\n"
             "  - name: only\n"
             "    cgroups:\n"
             "      - {name: a, work: [{type: SpinWait, name: one}, {type: SpinWait, name: two}]}\n"
             "      - {name: b, work: [{type: SpinWait}]}\n"
             "    hold: 1s\n"
             "checks: [" +
             check + "]\n")
      .Messages();
}

}  // namespace

TEST_CASE("a share of the CPU time of all workers, or of some cgroups") {
  CHECK(Said({.share = {0.6}, .cgroup = "b"}) == "PASS cgroup b had 60.0 % of the CPU time of all workers");
  CHECK(Said({.share = {0.5}, .cgroup = "b"}) ==
        "FAIL cgroup b had 60.0 % of the CPU time of all workers, not the 50 % that were expected (5 points "
        "more or "
        "less)");
  CHECK(Said({.share = {0.75}, .cgroup = "b", .among = {"a", "b"}}) ==
        "PASS cgroup b had 75.0 % of the CPU time of cgroups a, b");
  CHECK(Said({.share = {0.2}, .cgroup = "a", .phase = "only"}) ==
        "PASS cgroup a had 20.0 % of the CPU time of all workers in phase only");
}

TEST_CASE("a tolerance is in points and inclusive, on both sides") {
  CHECK(Said({.share = {0.65}, .cgroup = "b"}).starts_with("PASS"));
  CHECK(Said({.share = {0.55}, .cgroup = "b"}).starts_with("PASS"));
  CHECK(Said({.share = {0.6501}, .cgroup = "b"}).starts_with("FAIL"));
  CHECK(Said({.share = {0.5499}, .cgroup = "b"}).starts_with("FAIL"));
  CHECK(Said({.share = {0.6}, .cgroup = "b", .tolerance = {0}}).starts_with("PASS"));
}

TEST_CASE("a share of a group of workers, and of other things than time") {
  CHECK(Said({.share = {0.75}, .cgroup = "a", .group = "one", .among = {"a"}}) ==
        "PASS group one of cgroup a had 75.0 % of the CPU time of cgroups a");
  CHECK(Said({.share = {0.05}, .group = "two", .tolerance = {0.01}}) ==
        "PASS group two had 5.0 % of the CPU time of all workers");
  CHECK(Said({.share = {1}, .cgroup = "b", .of = ShareOf::kIterations}) ==
        "PASS cgroup b had 100.0 % of the iterations of all workers");
  CHECK(Said({.share = {0.5}, .cgroup = "b", .of = ShareOf::kWorkUnits}) ==
        "PASS cgroup b had 50.0 % of the work units of all workers");
}

TEST_CASE("a share that cannot be known is inconclusive") {
  RunRecord record = Record();
  record.reports.pop_back();
  CHECK(Said({.share = {0.6}, .cgroup = "b"}, record) ==
        "INCONCLUSIVE no share of cgroup b in the CPU time of all workers: 1 of 1 workers of cgroup c left "
        "no report");
  CHECK(Said({.share = {0.75}, .cgroup = "b", .among = {"a", "b"}}, record).starts_with("PASS"));
  record = Record();
  for (CollectedReport& collected : record.reports) collected.report.iterations = 0;
  CHECK(Said({.share = {0.6}, .cgroup = "b", .of = ShareOf::kIterations}, record) ==
        "INCONCLUSIVE no share of cgroup b in the iterations of all workers: no worker has any");
}

TEST_CASE("a cgroup or group without a worker has no share, not a small one") {
  RunRecord record = Record();
  record.groups.pop_back();  // c
  record.reports.pop_back();
  const ShareCheck of_c{.share = {0.03}, .cgroup = "c"};  // 0 % would be within the tolerance
  CHECK(Said(of_c, record) ==
        "INCONCLUSIVE no share of cgroup c in the CPU time of all workers: it had no worker there");
  CHECK(Said({.share = {0.03}, .group = "three"}, record) ==
        "INCONCLUSIVE no share of group three in the CPU time of all workers: it had no worker there");
  CHECK(Said({.share = {0.75}, .cgroup = "b", .among = {"a", "b", "c"}}, record) ==
        "INCONCLUSIVE no share of cgroup b in the CPU time of cgroups a, b, c: cgroup c had no worker there");
  // Nor does it have one because the kernel counted something of it.
  record.cgroup_figures.emplace_back().cgroup = "c";
  CHECK(Said({.share = {0.75}, .cgroup = "b", .among = {"a", "b", "c"}}, record) ==
        "INCONCLUSIVE no share of cgroup b in the CPU time of cgroups a, b, c: cgroup c had no worker there");
}

TEST_CASE("mistakes in checks on shares are said, whole") {
  CHECK(Lint("{share: 50%, cgroup: a}").empty());
  CHECK(Lint("{share: 50%, group: two, of: iterations, phase: only, tolerance: 1%}").empty());
  CHECK(Lint("{share: 50%}") == "checks/0/share: the check needs a cgroup or a group: whose share?\n");
  CHECK(Lint("{share: 150%, cgroup: a}") == "checks/0/share: a share is at most 100%\n");
  CHECK(Lint("{share: 50%, cgroup: a, tolerance: 50%}") ==
        "checks/0/tolerance: every share is within this tolerance\n");
  CHECK(Lint("{share: 50%, cgroup: a, among: [a]}") == "checks/0/among: a cgroup always has all of itself\n");
  CHECK(Lint("{share: 50%, cgroup: a, among: [b]}") ==
        "checks/0/among: cgroup 'a' must be among those that have the whole\n");
  CHECK(Lint("{share: 50%, cgroup: aa, phase: onli}") ==
        "checks/0/cgroup: there is no cgroup 'aa' in this scenario\n"
        "checks/0/phase: there is no phase 'onli' in this scenario (did you mean 'only'?)\n");
  CHECK(Lint("{share: 50%, cgroup: b, group: one}") ==
        "checks/0/group: there is no work group 'one' in this scenario\n");
}

TEST_CASE("on a poor host a share of the CPU time decides, and one of the work does not") {
  const auto excused = [](const char* of) {
    std::vector<CheckResult> results(1);
    results[0].verdict = Verdict::kFail;
    results[0].check = of;
    ExcuseStarvedHost(CpuGrade::kPoor, 52, RunRecord{}, results);
    return results[0].verdict;
  };
  CHECK(excused("share of cpu_time") == Verdict::kFail);
  CHECK(excused("share of iterations") == Verdict::kInconclusive);
}
