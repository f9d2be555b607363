// `run`: everything from a selection of scenarios to its reports and its exit code.
#pragma once

#include "interpreter/cli.h"
#include "interpreter/cli_options.h"

namespace ktstr {

int RunCommand(const CliOptions& options, CliIo& io);

}  // namespace ktstr
