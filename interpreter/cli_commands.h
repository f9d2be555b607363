// The commands behind the table in cli.cpp. Each returns the program's exit code.
#pragma once

#include <string_view>

#include "interpreter/cli.h"
#include "interpreter/cli_options.h"

namespace ktstr {

int LintCommand(const CliOptions& options, CliIo& io);
int ListCommand(const CliOptions& options, CliIo& io);
int ExplainCommand(const CliOptions& options, CliIo& io);
int SchemaCommand(const CliOptions& options, CliIo& io);
int KernelCommand(const CliOptions& options, CliIo& io);
int CacheCommand(const CliOptions& options, CliIo& io);
int SnapshotCommand(const CliOptions& options, CliIo& io);
/// What is found before anything boots goes here, too: `run --dry-run`.
int DryRunCommand(const CliOptions& options, CliIo& io);

/// Says `message` and, when there is one, a hint below it; returns kExitUsage.
int UsageError(CliIo& io, std::string_view message, std::string_view hint = "");
/// Says `message`; returns kExitError.
int CommandError(CliIo& io, std::string_view message);

}  // namespace ktstr
