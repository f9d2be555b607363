// The machine's disk for work, as seen from a machine that has none: this one.
#include <catch2/catch.hpp>

#include "guest-init/worker_disk.h"
#include "test/unit/guest-init/guest_process.h"

namespace ktstr::guest {
namespace {

TEST_CASE("a machine without a disk says what was looked for") {
  const Result<WorkerDisk> disk = WorkerDisk::Open();
  REQUIRE_FALSE(disk.ok());
  CHECK(disk.error().message ==
        "this machine has no disk for work: no device of /sys/block has the serial number ktstr-disk");
}

TEST_CASE("work that needs a disk does not start on a machine without one") {
  GuestProcess guest;
  CHECK(guest.Call(Workers(1, "IoSync", 2)).error ==
        "worker group 1: IoSync: this machine has no disk for work: no device of /sys/block has the serial "
        "number ktstr-disk");
  CHECK(guest.Children().empty());
}

}  // namespace
}  // namespace ktstr::guest
