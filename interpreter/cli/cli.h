// The command line: parsing and the table of commands.
#pragma once

#include <span>

#include "interpreter/report/console.h"

namespace ktstr {

/// The exit code of a wrong command line (EX_USAGE); the others are ExitCode(Verdict).
inline constexpr int kExitUsage = 64;
/// Something was in the way: an unreadable file, a full disk, an internal error.
inline constexpr int kExitError = 2;

/// The whole program: argv[0] is the name the user called it by. Returns the exit code; lets no exception
/// out. Unwritable `out` gives kExitError, so a truncated report never looks like success.
int RunCli(std::span<const char* const> argv, Console& io);

}  // namespace ktstr
