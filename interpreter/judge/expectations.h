// What `expect:` makes of the results of a run: a failure that was expected is none.
#pragma once

#include <vector>

#include "interpreter/scenario/checks/check_result.h"
#include "interpreter/scenario/expected_failure.h"

namespace ktstr {

/// Each FAIL that counts and is one of `expected` passes, with "failed as expected: " before its message.
/// For each of `expected` that nothing met one result of the kind `expect` is added: a FAIL, but INCONCLUSIVE
/// as long as a check that counts is undecided or an ERROR, since that might have been it. All other results
/// stay as they are, so that a failure nobody expected fails the run. REQUIRES: patterns without fault; the
/// host has been excused already (pauses.h, cpu_quality.h).
void MeetExpectations(const std::vector<ExpectedFailure>& expected, CheckResults& results);

}  // namespace ktstr
