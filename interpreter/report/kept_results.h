// What an invocation of `run` leaves in its results directory so that another one can finish it: how it was
// called, and, of each run, whether it was finished.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"

namespace ktstr {

struct FinishedRun;  // report_run.h

/// How `run` was called. Relative paths among the arguments mean those below `directory`.
struct Invocation {
  std::filesystem::path directory;     // absolute: the working directory
  std::vector<std::string> arguments;  // those of the command line after the program's name
  std::string kernel;                  // the image that was booted, absolute; "" when none was needed

  friend bool operator==(const Invocation&, const Invocation&) = default;
};

/// Error (kEnvironment): "'x/invocation.json' cannot be written: No space left on device".
Result<> WriteInvocation(const std::filesystem::path& results, const Invocation& invocation);
/// Errors (kInput): the file is not there or cannot be read; "'x/invocation.json' is not what `run` writes".
Result<Invocation> ReadInvocation(const std::filesystem::path& results);

/// Whether the run in `directory` was finished, and then what came of it: fills in verdict, cause and
/// whatever else the reports show. `run` describes what would be run now, `plan_text` is its plan.txt; a run
/// of another plan, one that was interrupted, and one whose files are not whole do not count as finished, and
/// leave `run` as it is.
bool TakeKept(const std::filesystem::path& directory, std::string_view plan_text, FinishedRun& run);

/// Moves the directory of a run that was not finished out of the way: x becomes x.unfinished, or
/// x.unfinished-2, ... Does nothing when there is no such directory. Error (kEnvironment): it cannot be
/// renamed.
Result<> SetAside(const std::filesystem::path& directory);

}  // namespace ktstr
