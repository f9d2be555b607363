// `expect:`: what must fail for a scenario to pass. It shows that a fault is found, on a kernel or under a
// scheduler that has it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/decl.h"
#include "interpreter/scenario/check_list.h"

namespace ktstr {

/// One FAIL that must come. Only a check's FAIL is one: no ERROR and no INCONCLUSIVE ever is what was
/// expected.
struct ExpectedFailure {
  std::string kind;                         // CheckResult::kind
  std::optional<std::string> phase = {};    // none: whatever phase
  std::optional<std::string> cgroup = {};   // none: whatever cgroup
  std::optional<std::string> matches = {};  // a regular expression, in the message; none: whatever it says
  static const StructDecl& Decl();
};

/// Adds what is wrong with `expect:` (`unknown-name`, `bad-check`): kinds that nothing in `list` checks,
/// unknown phases and cgroups, patterns that are none or find everything.
void ResolveExpected(const std::vector<ExpectedFailure>& expected, const CheckList& list, bool monitored,
                     const CheckNames& names, Diagnostics& diagnostics);

/// "no_stall, in phase starve, of cgroup victim, with a message in which /never ran/ is found".
std::string Describe(const ExpectedFailure& expected);

}  // namespace ktstr
