#include <unistd.h>

#include <catch2/catch.hpp>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/host/cpu_wait.h"

namespace ktstr::vmm {
namespace {

TEST_CASE("waiting is summed over the threads there are, from the beginning on") {
  const TempDir proc;
  static_cast<void>(proc.Write("7/task/7/schedstat", "1000 100 5\n"));
  static_cast<void>(proc.Write("7/task/8/schedstat", "500 50 5\n"));
  static_cast<void>(proc.Write("7/task/9/schedstat", "900 90 5\n"));
  const CpuWaitMeter meter(7, proc.path());
  static_cast<void>(proc.Write("7/task/7/schedstat", "1500 300 9\n"));
  static_cast<void>(proc.Write("7/task/10/schedstat", "40 4 1\n"));  // came later
  std::filesystem::remove_all(proc / "7/task/9");                    // has ended
  const std::optional<CpuTimes> times = meter.SoFar();
  REQUIRE(times);
  CHECK(times->run_ns == 540);
  CHECK(times->wait_ns == 204);
}

TEST_CASE("a process that is gone, and a kernel that does not count, give nothing") {
  const TempDir proc;
  CHECK_FALSE(CpuWaitMeter(7, proc.path()).SoFar());
  std::filesystem::create_directories(proc / "7/task/7");
  CHECK_FALSE(CpuWaitMeter(7, proc.path()).SoFar());
}

TEST_CASE("our own threads are measured") {
  const CpuWaitMeter meter(::getpid());
  CHECK(meter.SoFar());
}

}  // namespace
}  // namespace ktstr::vmm
