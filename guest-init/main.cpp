// PID 1 of a ktstr guest: prepares the system, then serves the host until it is told to finish.
#include <cstdio>
#include <string>

#include "guest-init/base/fd.h"
#include "guest-init/crash.h"
#include "guest-init/executor.h"
#include "guest-init/mounts.h"

namespace ktstr::guest {
namespace {

Result<> Serve() {
  constexpr int kPortTimeoutMs = 30'000;
  TRY(MountAll());
  SetUpSystem();
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
