// The machine's network cards for work, as seen from a machine that has none: this one.
#include <catch2/catch.hpp>

#include "guest-init/worker_nics.h"
#include "test/unit/guest-init/guest_process.h"

namespace ktstr::guest {
namespace {

TEST_CASE("a machine without network cards for work says what was looked for") {
  const Result<WorkerNics> nics = WorkerNics::SwitchOn();
  REQUIRE_FALSE(nics.ok());
  CHECK(
      nics.error().message ==
      "this machine has no network card for work: none of /sys/class/net has the address 02:6b:74:73:74:01");
}

TEST_CASE("work that needs network cards does not start on a machine without them") {
  GuestProcess guest;
  CHECK(guest.Call(Workers(1, "IrqWake", 2)).error ==
        "worker group 1: IrqWake: this machine has no network card for work: none of /sys/class/net has the "
        "address 02:6b:74:73:74:01");
  CHECK(guest.Children().empty());
}

}  // namespace
}  // namespace ktstr::guest
