// `lint`: all diagnostics of all files in one pass, without a VM, a network or any file but the given ones.
// Of other files it looks only at programs that a scenario names by a path relative to itself, and at what
// these need to be started: loader, libraries, interpreter.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "interpreter/load/render_diagnostics.h"

namespace ktstr {

struct LintReport {
  std::vector<LocatedDiagnostic> diagnostics;  // in the order of the files, within one by place
  std::size_t files = 0;                       // looked at, the unreadable ones among them
  std::size_t faulty_files = 0;                // with at least one error
  std::size_t errors = 0;
  std::size_t warnings = 0;
  bool unreadable = false;  // a file or directory could not be read, or a directory held no scenario
};

/// `host_files`: the user allows scenarios to name files outside their directories.
LintReport LintPaths(std::span<const std::string> paths, bool host_files);

/// "17 files, no errors" or "3 errors, 1 warning in 2 of 17 files".
std::string LintSummary(const LintReport& report);

/// 0 no errors (warnings do not count), 1 errors, 2 something could not be read.
int LintExitCode(const LintReport& report);

}  // namespace ktstr
