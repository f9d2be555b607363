// The last words of PID 1: one block on the second serial port, beginning with `PANIC:`.
#pragma once

#include <string_view>

namespace ktstr::guest {

/// Makes fatal signals of PID 1 write their block and stop the machine. Children must call
/// RestoreSignals() right after the fork.
void InstallCrashHandlers();
/// Default dispositions and an empty mask.
void RestoreSignals();

/// "PANIC: <cause>" on the second serial port, then StopMachine().
[[noreturn]] void Panic(std::string_view cause);

/// Powers off; restarts when the machine cannot do that. With QEMU's -no-reboot both end it.
[[noreturn]] void StopMachine();

}  // namespace ktstr::guest
