// The command line: parsing, the table of commands, and what a command may touch of the terminal.
#pragma once

#include <iosfwd>
#include <span>
#include <string_view>

namespace ktstr {

inline constexpr std::string_view kVersion = "0.1.0";

/// The exit code of a wrong command line (EX_USAGE); the others are ExitCode(Verdict).
inline constexpr int kExitUsage = 64;
/// Something was in the way: an unreadable file, a full disk, an internal error.
inline constexpr int kExitError = 2;

/// Where a command writes. Results go to `out`; progress, summaries and complaints to `err`.
struct CliIo {
  std::ostream& out;
  std::ostream& err;
  bool color_out = false;  // ANSI escapes are welcome on `out`
  bool color_err = false;
  bool live = false;  // `err` is a terminal on which a line can be rewritten
};

/// The whole program: argv[0] is the name the user called it by. Returns the exit code; lets no exception
/// out. Unwritable `out` gives kExitError, so a truncated report never looks like success.
int RunCli(std::span<const char* const> argv, CliIo& io);

}  // namespace ktstr
