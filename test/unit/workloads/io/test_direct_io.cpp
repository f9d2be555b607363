// Work types that go past the page cache, on a file in place of the disk.
#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "guest-init/base/fd.h"
#include "test/unit/workloads/live_group.h"

namespace ktstr {
namespace {

constexpr off_t kDiskBytes = off_t{4} << 20;

/// In the working directory: /tmp may be a file system that has no O_DIRECT.
Fd MakeFile(off_t bytes) {
  std::string name = "direct_io.XXXXXX";
  Fd file(mkostemp(name.data(), O_CLOEXEC));
  REQUIRE(file.valid());
  unlink(name.c_str());
  REQUIRE(ftruncate(file.get(), bytes) == 0);
  return file;
}

std::vector<WorkerReport> RunOn(const Fd& file, const char* type, std::uint64_t iterations) {
  LiveGroup group(type, DefaultParams(type), 2, file.get());
  if (iterations > 0)
    group.UntilEach(iterations);
  else
    group.UntilEnded();
  return group.Stop();
}

TEST_CASE("reads and writes past the page cache are counted once they are done, with their time") {
  const Fd file = MakeFile(kDiskBytes);
  for (const auto& [name, units] : {std::pair{"IoRandRead", 1U}, {"IoConvoy", 2U}}) {
    INFO(name);
    CHECK(FindWorkType(name)->needs_disk);
    for (const WorkerReport& report : RunOn(file, name, 20)) {
      CHECK(report.work_error.empty());
      CHECK(report.work_units == report.iterations * units);
      CHECK(report.wake_sample_total == report.iterations);
      CHECK(report.iteration_cost_sample_total == report.iterations);
    }
  }
  // The second worker of IoConvoy writes from the beginning of the second stripe of 64 on.
  char byte = 0;
  REQUIRE(pread(file.get(), &byte, 1, kDiskBytes / 64) == 1);
  CHECK(byte == 'k');
  REQUIRE(pread(file.get(), &byte, 1, kDiskBytes / 64 * 2) == 1);
  CHECK(byte == '\0');
}

TEST_CASE("a disk that is too small, or a read that fails, is an error and no work") {
  const Fd small = MakeFile(4096);
  for (const WorkerReport& report : RunOn(small, "IoRandRead", 0)) {
    CHECK(report.work_error == "the disk is too small");
    CHECK(report.work_units == 0);
  }
  const Fd closed;
  for (const WorkerReport& report : RunOn(closed, "IoConvoy", 0))
    CHECK(report.work_error == "opening the disk with O_DIRECT: No such file or directory");
}

}  // namespace
}  // namespace ktstr
