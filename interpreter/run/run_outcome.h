// What came of a run: the verdict and its cause, and everything they were made of.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "interpreter/fold/observations.h"
#include "interpreter/fold/stats.h"
#include "interpreter/fold/verdict.h"
#include "interpreter/run/machine_facts.h"
#include "interpreter/scenario/checks/check_result.h"
#include "interpreter/scenario/checks/variant_numbers.h"
#include "interpreter/scenario/expected_failure.h"

namespace ktstr {

struct RunOutcome {
  Verdict verdict = Verdict::kError;
  std::string cause;            // one line; empty for PASS
  std::string cause_path;       // document path of what it is about (a check, an Op); "" for none
  std::string cause_phase;      // name of the phase; "" for none
  std::string cause_detail;     // more lines for people; usually empty
  bool waited_in_vain = false;  // the cause is that a payload did not end in time
  MachineFacts machine;
  RunRecord record;
  Observations observed;
  Stats stats;
  std::vector<CheckResult> checks;
  std::optional<VariantNumbers> for_others;  // none: no other variant is compared with this one
  std::vector<std::string> warnings;
  std::string console_tail;  // the last lines of the guest's console, kept when something broke
};

/// The verdict, and the cause with all that goes with it, by the checks and by what was expected of them.
void DecideByChecks(const std::vector<ExpectedFailure>& expected, RunOutcome& outcome);

}  // namespace ktstr
