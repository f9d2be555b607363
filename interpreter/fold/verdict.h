// The five verdicts, how they outrank each other, and the exit code each gives.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "guest-init/base/decl.h"

namespace ktstr {

/// In rising severity, so that the worse of two is the greater.
enum class Verdict : std::uint8_t {
  kPass,
  kSkip,          // a stated requirement is missing
  kInconclusive,  // the data cannot decide
  kError,         // infrastructure, guest panic, lost result, bad scenario
  kFail,          // a check said no
};
inline constexpr EnumValue kVerdicts[] = {{"PASS", 0, "Every check held."},
                                          {"SKIP", 1, "A stated requirement is missing."},
                                          {"INCONCLUSIVE", 2, "The data cannot decide."},
                                          {"ERROR", 3, "The run did not give a trustworthy result."},
                                          {"FAIL", 4, "A check said no."}};
constexpr EnumDecl DescribeEnum(Verdict) { return {"Verdict", kVerdicts, nullptr, nullptr}; }

/// "PASS", "FAIL", ...
constexpr std::string_view VerdictName(Verdict verdict) {
  return kVerdicts[static_cast<std::uint8_t>(verdict)].name;
}
constexpr Verdict Worse(Verdict a, Verdict b) { return std::max(a, b); }
/// The exit code of the whole program: 0 all passed or skipped, 1 a scenario failed, 2 error or inconclusive.
constexpr int ExitCode(Verdict verdict) {
  if (verdict == Verdict::kFail) return 1;
  return verdict == Verdict::kError || verdict == Verdict::kInconclusive ? 2 : 0;
}

}  // namespace ktstr
