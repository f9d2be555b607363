// The commands behind the table in cli.cpp. Each returns the program's exit code.
#pragma once

#include <string_view>

#include "interpreter/cli/cli.h"
#include "interpreter/cli/cli_options.h"

namespace CLI {
class App;
}

namespace ktstr {

int LintCommand(const CliOptions& options, Console& io);
int ListCommand(const CliOptions& options, Console& io);
int ExplainCommand(const CliOptions& options, Console& io);
int SchemaCommand(const CliOptions& options, Console& io);
int KernelCommand(const CliOptions& options, Console& io);
int SchedulersCommand(const CliOptions& options, Console& io);
int VerifyCommand(const CliOptions& options, Console& io);
/// Declares the options of `verify`; those of the other commands are in cli.cpp.
void VerifyOptions(CLI::App& app, CliOptions& o);
int CacheCommand(const CliOptions& options, Console& io);
int SnapshotCommand(const CliOptions& options, Console& io);
/// What is found before anything boots goes here, too: `run --dry-run`.
int DryRunCommand(const CliOptions& options, Console& io);

/// Says `message` and, when there is one, a hint below it; returns kExitUsage.
int UsageError(Console& io, std::string_view message, std::string_view hint = "");
/// Says `message`; returns kExitError.
int CommandError(Console& io, std::string_view message);
/// Says `message`, which keeps nothing from going on.
void CommandWarning(Console& io, std::string_view message);
/// Says how something that takes a while is getting on.
void TellLine(Console& io, std::string_view line);

}  // namespace ktstr
