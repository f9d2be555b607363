// IoSync on a file in place of the disk: what it writes, where, and what it measures.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <thread>

#include "guest-init/base/fd.h"
#include "workloads/work_type.h"
#include "workloads/worker/system_probe.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

constexpr std::uint64_t kStripe = (std::uint64_t{64} << 20) / 64;

Fd MakeDisk() {
  std::string name = "/tmp/disk.XXXXXX";
  Fd disk(mkostemp(name.data(), O_CLOEXEC));
  REQUIRE(disk.valid());
  unlink(name.c_str());
  REQUIRE(ftruncate(disk.get(), static_cast<off_t>(64 * kStripe)) == 0);
  return disk;
}

char ByteAt(const Fd& disk, std::uint64_t offset) {
  char byte = '?';
  REQUIRE(pread(disk.get(), &byte, 1, static_cast<off_t>(offset)) == 1);
  return byte;
}

TEST_CASE("IoSync writes its stripe block by block and measures each iteration") {
  const Fd disk = MakeDisk();
  const WorkTypeDecl& type = *FindWorkType("IoSync");
  CHECK(type.needs_disk);
  const AnyStruct params(type.params());
  Result<GroupMemory> memory = GroupMemory::Map(3);
  REQUIRE(memory.ok());
  WorkerReport report;
  std::thread worker([&] {
    SystemProbe probe;
    Telemetry telemetry(probe, memory->control(), memory->slots()[2], gettid());
    WorkerContext context(*memory, telemetry, {2, 3, 1}, {}, 1, disk.get());
    type.run(params.data(), context);
    report = telemetry.Finish();
  });
  while (memory->slots()[2].iterations.load() < 3) std::this_thread::yield();
  memory->RequestStop();
  worker.join();
  CHECK(report.iterations >= 3);
  CHECK(report.work_units == report.iterations * 16);
  CHECK(report.wake_sample_total == report.iterations);
  CHECK(report.iteration_cost_sample_total == report.iterations);
  // Worker 2 has the third stripe: 48 blocks of it at least are written, and nothing of its neighbours'.
  CHECK(ByteAt(disk, 2 * kStripe) == 'k');
  CHECK(ByteAt(disk, 2 * kStripe + 48 * 4096 - 1) == 'k');
  CHECK(ByteAt(disk, 2 * kStripe - 1) == '\0');
  CHECK(ByteAt(disk, 3 * kStripe) == '\0');
}

}  // namespace
}  // namespace ktstr
