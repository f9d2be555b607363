// Long host commands (tar, make) with a log file, a line callback and a way to stop them in order.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"

namespace ktstr::vmm {

struct LoggedCommand {
  std::vector<std::string> argv;  // argv[0] looked up on $PATH
  std::filesystem::path directory;
  std::filesystem::path log;  // appended to; what the command writes on both of its outputs
  int cancel_fd = -1;         // readable: the command is to be stopped; -1: never
};

/// What happens meanwhile: `line` for each line of output, `tick` at least once a second. Both may be empty.
struct CommandWatcher {
  std::function<void(std::string_view line)> line;
  std::function<void()> tick;
};

/// Runs the command in its own process group, LC_ALL=C, and waits; returns its exit code (128 + N after
/// signal N). A cancelled one gets SIGTERM, as does everything it started, and is waited for; what remains
/// after five seconds is killed, as is one that lives on five seconds after it has closed its outputs. It
/// also ends when this process does. Errors: kCancelled "interrupted"; kEnvironment: the program was not
/// found, the log cannot be written.
Result<int> RunLogged(const LoggedCommand& command, const CommandWatcher& watcher);

/// What a log says went wrong: its first line with `error:`, else the first with `***` (make), else the last
/// that says something; empty when there is none. Pure.
std::string FirstErrorLine(std::string_view log);

}  // namespace ktstr::vmm
