// PID 1 of a ktstr guest: prepares the system, then serves the host until it is told to finish.
#include <sched.h>

#include <cstdio>
#include <string>

#include "guest-init/base/fd.h"
#include "guest-init/crash.h"
#include "guest-init/executor.h"
#include "guest-init/mounts.h"
#include "guest-init/system_error.h"

namespace ktstr::guest {
namespace {

/// Before every task of a scenario, so that the marks keep their time whatever the scenario does to its CPUs.
/// What is forked is an ordinary task again.
Result<> RunFirst() {
  sched_param param{};
  param.sched_priority = sched_get_priority_max(SCHED_FIFO);
  if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) == 0) return {};
  return SystemError("becoming a real-time task");
}

Result<> Serve() {
  constexpr int kPortTimeoutMs = 30'000;
  TRY(MountAll());
  SetUpSystem();
  TRY(RunFirst());
  Fd port = TRY(OpenPort(kChannelPortName, kPortTimeoutMs));
  const std::unique_ptr<Executor> executor = TRY(Executor::Create(std::move(port), {}));
  executor->Run();
  return {};
}

}  // namespace
}  // namespace ktstr::guest

int main() {
  using namespace ktstr::guest;
  if (getpid() != 1) {
    std::fputs("guest-init is the first process of a ktstr guest; it does nothing anywhere else\n", stderr);
    return 64;
  }
  InstallCrashHandlers();
  const ktstr::Result<> served = Serve();
  if (!served.ok()) Panic("guest-init could not start: " + served.error().message);
  StopMachine();
}
