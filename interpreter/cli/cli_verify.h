// `verify`: every scheduler on every kernel and topology, each in a clone of its own, so that none can hide
// what becomes of the others; a clone costs a tenth of a second.
#pragma once

#include "interpreter/cli/run_command.h"

namespace ktstr {

/// Collects the schedulers, runs, compares, judges and reports. Returns the exit code of the worst result;
/// kExitUsage when the options name no scheduler or a baseline that cannot be read.
int VerifySchedulers(const CliOptions& options, Console& io, const RunWorld& world);

}  // namespace ktstr
