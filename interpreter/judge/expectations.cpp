#include "interpreter/judge/expectations.h"

#include <fmt/format.h>

#include <algorithm>

#include "guest-init/base/line_pattern.h"

namespace ktstr {
namespace {

bool IsMet(const ExpectedFailure& expected, const CheckResult& by) {
  return by.kind == expected.kind && expected.phase.value_or(by.phase) == by.phase &&
         expected.cgroup.value_or(by.cgroup) == by.cgroup &&
         (!expected.matches || LinePattern(*expected.matches).Found(by.message));
}

CheckResult Unmet(const ExpectedFailure& expected, std::size_t index, bool decided) {
  CheckResult result;
  result.verdict = decided ? Verdict::kFail : Verdict::kInconclusive;
  result.kind = "expect";
  result.check = "expected failure of " + expected.kind;
  result.path = fmt::format("expect/{}", index);
  result.phase = expected.phase.value_or("");
  result.cgroup = expected.cgroup.value_or("");
  result.message = fmt::format("what was expected to fail did not{}: {}",
                               decided ? "" : ", but not all checks could be decided", Describe(expected));
  return result;
}

}  // namespace

void MeetExpectations(const std::vector<ExpectedFailure>& expected, CheckResults& results) {
  if (expected.empty()) return;
  std::vector<bool> met(expected.size());
  bool decided = true;
  for (CheckResult& result : results) {
    if (!result.counts) continue;
    decided = decided && result.verdict != Verdict::kInconclusive && result.verdict != Verdict::kError;
    if (result.verdict != Verdict::kFail) continue;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (!IsMet(expected[i], result)) continue;
      met[i] = true;
      result.as_expected = true;
    }
  }
  for (CheckResult& result : results) {
    if (!result.as_expected) continue;
    result.verdict = Verdict::kPass;
    result.message = "failed as expected: " + result.message;
  }
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (!met[i]) results.push_back(Unmet(expected[i], i, decided));
}

}  // namespace ktstr
