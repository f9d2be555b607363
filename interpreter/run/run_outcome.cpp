#include "interpreter/run/run_outcome.h"

#include "interpreter/judge/expectations.h"
#include "interpreter/judge/judge.h"

namespace ktstr {

void DecideByChecks(const std::vector<ExpectedFailure>& expected, RunOutcome& outcome) {
  MeetExpectations(expected, outcome.checks);
  outcome.verdict = Overall(outcome.checks);
  const CheckResult* const first = FirstCause(outcome.checks, outcome.record);
  if (first == nullptr) return;
  outcome.cause = first->message;
  outcome.cause_path = first->path;
  outcome.cause_phase = first->phase;
  outcome.cause_detail = first->detail;
}

}  // namespace ktstr
