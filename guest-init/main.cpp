// PID 1 of a ktstr guest: prepares the system, then serves the host until it is told to finish.
#include <cstdio>
#include <string>

#include "guest-init/base/fd.h"
#include "guest-init/crash.h"
#include "guest-init/executor.h"
#include "guest-init/mounts.h"

namespace {

ktstr::Result<> Serve() {
  constexpr int kPortTimeoutMs = 30'000;
  TRY(ktstr::MountAll());
  ktstr::SetUpSystem();
  ktstr::Fd port = TRY(ktstr::OpenPort(ktstr::kChannelPortName, kPortTimeoutMs));
  const std::unique_ptr<ktstr::Executor> executor = TRY(ktstr::Executor::Create(std::move(port), {}));
  executor->Run();
  return {};
}

}  // namespace

int main() {
  if (getpid() != 1) {
    std::fputs("guest-init is the first process of a ktstr guest; it does nothing anywhere else\n", stderr);
    return 64;
  }
  ktstr::InstallCrashHandlers();
  const ktstr::Result<> served = Serve();
  if (!served.ok()) ktstr::Panic("guest-init could not start: " + served.error().message);
  ktstr::StopMachine();
}
