// One payload object, with its events delivered in the order the test wants.
#include <poll.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <optional>

#include "guest-init/base/clock.h"
#include "guest-init/payload_process.h"
#include "test/unit/guest-init/guest_process.h"

namespace ktstr::guest {
namespace {

TEST_CASE("a payload that is reaped before its start is noticed is finalised all the same") {
  Result<EventLoop> loop = EventLoop::Create();
  REQUIRE(loop.ok());
  const CgroupTree tree("/nowhere", "/nowhere/ktstr");
  std::optional<PayloadDone> done;
  std::string out;
  PayloadProcess::Callbacks callbacks;
  callbacks.output = [&](const PayloadOutput& output) { out += output.bytes; };
  callbacks.done = [&](const PayloadDone& record) { done = record; };
  auto payload = PayloadProcess::Start(*loop, tree, "/bin", Shell(1, "echo short; exit 4"), callbacks);
  REQUIRE(payload.ok());
  int status = 0;
  const pid_t pid = waitpid(-1, &status, 0);
  CHECK_FALSE((*payload)->started().has_value());  // the loop has not run yet
  CHECK((*payload)->OnReaped(pid, status));
  CHECK_FALSE((*payload)->OnReaped(pid, status));
  while (!done) {
    loop->RunOnce((*payload)->Tick(MonotonicNs()));
    (*payload)->Tick(MonotonicNs());
  }
  CHECK((*payload)->started()->ok());
  CHECK(out == "short\n");
  CHECK(done->exit_code == 4);
  CHECK((*payload)->finalised());
}

}  // namespace
}  // namespace ktstr::guest
