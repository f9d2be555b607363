#include <catch2/catch.hpp>

#include "vmm/machine/boot_deadline.h"

namespace ktstr::vmm {
namespace {

std::chrono::seconds::rep Deadline(const Topology& topology, std::uint32_t memory_mib, Accel accel,
                                   Clock clock = Clock::kWall) {
  MachineConfig config;
  config.topology = topology;
  config.memory_mib = memory_mib;
  config.accel = accel;
  config.clock = clock;
  return BootDeadline(config).count();
}

TEST_CASE("the boot deadline follows its formula") {
  CHECK(Deadline({1, 1, 1, 1}, 256, Accel::kTcg) == 62);     // 60 + 1 + 0 + 1
  CHECK(Deadline({1, 4, 4, 2}, 1024, Accel::kTcg) == 103);   // 60 + 32 + 10 + 1
  CHECK(Deadline({1, 4, 4, 2}, 1025, Accel::kTcg) == 104);   // a second GiB is begun
  CHECK(Deadline({1, 15, 8, 2}, 4224, Accel::kTcg) == 881);  // 60 + 240 + 576 + 5
  CHECK(Deadline({1, 4, 4, 2}, 1024, Accel::kTcg, Clock::kVirtual) == 4 * 103);
  CHECK(Deadline({1, 1, 1, 1}, 256, Accel::kKvm) == 20);
  CHECK(Deadline({1, 15, 8, 2}, 16384, Accel::kKvm) == 52);  // 20 + 30 + 2
  CHECK(Deadline({1, 1, 1, 1}, UINT32_MAX, Accel::kTcg) == 61 + (1 << 22));
}

}  // namespace
}  // namespace ktstr::vmm
