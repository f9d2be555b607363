// Verdicts that QEMU may have made: on the virtual clock, before its version 8.1, CPUs that are busy at the
// same time do not get like shares of the instructions (docs/VIRTUAL-CLOCK.md).
#pragma once

#include <string_view>

#include "interpreter/run/run_outcome.h"

namespace ktstr {

/// Whether a QEMU of this version ("7.2.22") gives each CPU its turn. One that did not say its version does
/// not.
bool GivesLikeTurns(std::string_view qemu);

/// Where such a QEMU ran several busy CPUs, what fails by time becomes INCONCLUSIVE, with "QEMU 7.2.22 gives
/// CPUs that are busy at once unlike turns on the virtual clock (8.1 and later do not); " before the message:
/// latencies, stalls and throughputs that are worse than their bound, the kernel's complaints when all are of
/// time, and the end of a wait for a payload. A worker that never left one CPU, alone, is not excused. Pure.
void ExcuseUnlikeTurns(RunOutcome& outcome);

}  // namespace ktstr
