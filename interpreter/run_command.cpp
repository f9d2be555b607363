#include "interpreter/run_command.h"

#include "interpreter/cli_commands.h"
namespace ktstr {
int RunCommand(const CliOptions& options, CliIo& io) {
  if (options.dry_run) return DryRunCommand(options, io);
  return 2;
}
}  // namespace ktstr
