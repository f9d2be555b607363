// Host programs run to their end (apt-get, dpkg-deb), with their output collected.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "guest-init/base/result.h"

namespace ktstr::vmm {

struct CommandResult {
  int exit_code = 0;   // 128 + N when signal N ended it
  std::string output;  // standard output, at most kMaxCommandOutput bytes
  std::string errors;  // standard error, likewise
};

inline constexpr std::size_t kMaxCommandOutput = std::size_t{16} << 20;

/// Runs `argv` (argv[0] looked up on PATH) in `directory`, standard input from /dev/null, LC_ALL=C, and
/// waits. The child dies with this process. A non-zero exit is a result, not an error. Errors (kEnvironment):
/// "apt-get was not found on PATH", or the system call that failed. REQUIRES: argv is not empty. Any thread,
/// which must live until the call returns.
Result<CommandResult> RunCommand(const std::vector<std::string>& argv,
                                 const std::filesystem::path& directory = "/");

/// The last line of a command's error output that says something, for a one-line cause; "exit code N" when
/// there is none.
std::string CommandCause(const CommandResult& result);

}  // namespace ktstr::vmm
