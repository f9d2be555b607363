// The checks of a scenario in their places, and what can be said about them before a run.
#pragma once

#include <string>
#include <vector>

#include "interpreter/scenario/checks/check_kind.h"
#include "interpreter/scenario/defaults/default_checks.h"
#include "ops/plan/diagnostics.h"

namespace ktstr {

struct PlacedCheck {
  std::string path;  // document path
  std::string step;  // the step whose `checks:` it stands in; "" for the scenario's
  Check check;
  std::string other_variant = {};  // that it compares with (`vs_variant`); "": with none
  bool only_measures = false;      // that is the one it is part of: others are compared with it
};
struct PlacedPayloadChecks {
  std::string path;  // of the payload's `checks:` list; entry i is at path/i
  std::string payload;
  bool gate = true;  // false: results are shown but do not count
  std::vector<PayloadCheck> checks;
};
struct CheckList {
  DefaultChecks defaults;
  std::string defaults_path;  // "" when the scenario does not mention them
  std::vector<PlacedCheck> checks;
  std::vector<PlacedPayloadChecks> payloads;
  std::vector<PayloadRule> payload_rules;  // of every payload
  std::vector<ExpectedEnd> expected_ends;
};

/// What the kernel's log has to be searched for while the scenario runs, each pattern once.
std::vector<std::string> ConsolePatterns(const CheckList& checks);

/// Adds an error for each metric, phase, cgroup or payload metric that does not exist (`unknown-name`, with a
/// suggestion), each bound in a unit that does not fit (`wrong-unit`), and each selector that a metric cannot
/// have (`bad-check`). What the declarations' own rules say is not repeated.
void ResolveChecks(const CheckList& list, const CheckNames& names, Diagnostics& diagnostics);

}  // namespace ktstr
