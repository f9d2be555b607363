// A metric that a payload printed, looked up for a check.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "interpreter/scenario/checks/check_result.h"
#include "interpreter/scenario/checks/run_facts.h"

namespace ktstr {

/// Begins the result of a check called "<kind> <metric> of payload <name>": PASS with the value, or FAIL when
/// the payload gave no such metric (then there is no number, and the result is complete).
std::optional<PayloadNumber> FindPayloadMetric(const PayloadResult& payload, std::string_view kind,
                                               const std::string& metric, CheckResult& result);

}  // namespace ktstr
