// What `expect:` makes of the results of checks.
#include <catch2/catch.hpp>

#include "interpreter/judge/expectations.h"
#include "interpreter/judge/judge.h"

using namespace ktstr;

namespace {

CheckResult Said(Verdict verdict, const std::string& kind, const std::string& phase = "",
                 const std::string& cgroup = "") {
  CheckResult result;
  result.verdict = verdict;
  result.kind = kind;
  result.check = kind;
  result.phase = phase;
  result.cgroup = cgroup;
  result.message = "worker victim/0 never ran";
  return result;
}

std::vector<std::string> Lines(const CheckResults& results) {
  std::vector<std::string> lines;
  for (const CheckResult& result : results)
    lines.push_back(std::string(VerdictName(result.verdict)) + " " + result.path + " " + result.message);
  return lines;
}

using Text = std::vector<std::string>;

}  // namespace

TEST_CASE("a failure that was expected passes, others stay") {
  CheckResults results = {Said(Verdict::kFail, "no_stall", "starve", "victim"),
                          Said(Verdict::kFail, "progress", "starve", "victim"),
                          Said(Verdict::kPass, "metric")};
  MeetExpectations({{"no_stall", "starve", "victim", "victim/[0-9]+ never"}}, results);
  CHECK(Lines(results) == Text{"PASS  failed as expected: worker victim/0 never ran",
                               "FAIL  worker victim/0 never ran", "PASS  worker victim/0 never ran"});
  CHECK(results[0].as_expected);
  CHECK_FALSE(results[2].as_expected);
  CHECK(Overall(results) == Verdict::kFail);
  MeetExpectations({{"progress"}}, results);
  CHECK(Overall(results) == Verdict::kPass);
}

TEST_CASE("a failure that was expected and does not come is one") {
  const ExpectedFailure wanted{"no_stall", "starve", "victim", "never ran"};
  const std::string where =
      "no_stall, in phase starve, of cgroup victim, with a message in which /never ran/ is found";
  const auto judged = [&](CheckResult result) {
    CheckResults results = {std::move(result)};
    MeetExpectations({wanted}, results);
    CHECK(results.back().kind == "expect");
    CHECK(results.back().phase == "starve");
    CHECK(results.back().cgroup == "victim");
    return Lines(results).back();
  };
  const std::string missing = "FAIL expect/0 what was expected to fail did not: " + where;
  CHECK(judged(Said(Verdict::kPass, "no_stall", "starve", "victim")) == missing);
  CHECK(judged(Said(Verdict::kFail, "progress", "starve", "victim")) == missing);
  CHECK(judged(Said(Verdict::kFail, "no_stall", "warm", "victim")) == missing);
  CHECK(judged(Said(Verdict::kFail, "no_stall", "starve", "bully")) == missing);
  CheckResult other = Said(Verdict::kFail, "no_stall", "starve", "victim");
  other.message = "worker victim/0 did not run for 3000 ms";
  CHECK(judged(other) == missing);
  CheckResult shown = Said(Verdict::kFail, "no_stall", "starve", "victim");
  shown.counts = false;
  CHECK(judged(shown) == missing);
}

TEST_CASE("what broke or could not be decided is never what was expected") {
  const auto overall = [](Verdict verdict) {
    CheckResults results = {Said(verdict, "no_stall")};
    MeetExpectations({{"no_stall"}}, results);
    REQUIRE(results.size() == 2);
    CHECK(results[1].message ==
          "what was expected to fail did not, but not all checks could be decided: no_stall");
    CHECK(results[1].verdict == Verdict::kInconclusive);
    return Overall(results);
  };
  CHECK(overall(Verdict::kError) == Verdict::kError);
  CHECK(overall(Verdict::kInconclusive) == Verdict::kInconclusive);
  // One that was met does not hide what could not be decided beside it.
  CheckResults results = {Said(Verdict::kFail, "no_stall"), Said(Verdict::kInconclusive, "metric")};
  MeetExpectations({{"no_stall"}}, results);
  CHECK(results.size() == 2);
  CHECK(Overall(results) == Verdict::kInconclusive);
}

TEST_CASE("one failure can meet several expectations, and several failures one") {
  CheckResults results = {Said(Verdict::kFail, "no_stall", "a"), Said(Verdict::kFail, "no_stall", "b")};
  MeetExpectations({{"no_stall"}, {"no_stall", "b"}}, results);
  CHECK(results.size() == 2);
  CHECK(Overall(results) == Verdict::kPass);
}
