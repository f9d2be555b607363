// What a host has to give, read from made-up proc and sys directories.
#include <catch2/catch.hpp>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/host/host_capacity.h"

namespace ktstr::vmm {
namespace {

constexpr const char* kMeminfo =
    "MemTotal:       33554432 kB\nMemFree:          100000 kB\nMemAvailable:   16777216 kB\n";

TEST_CASE("a tenth of what is available is kept, and never less than 512 MiB") {
  CHECK(ReserveMib(20000) == 2000);
  CHECK(ReserveMib(2000) == 512);
  const TempDir root;
  static_cast<void>(root.Write("proc/meminfo", kMeminfo));
  CHECK(ReadHostCapacity(root.path()).memory_mib == 16384 - 1638);
  static_cast<void>(root.Write("proc/meminfo", "MemAvailable: 409600 kB\n"));
  CHECK(ReadHostCapacity(root.path()).memory_mib == 0);
}

TEST_CASE("a control group of version 2, and each above it, limits memory and CPUs") {
  const TempDir root;
  static_cast<void>(root.Write("proc/meminfo", kMeminfo));
  static_cast<void>(root.Write("proc/self/cgroup", "0::/ci/job\n"));
  const std::string job = "sys/fs/cgroup/ci/job/";
  static_cast<void>(root.Write(job + "memory.max", "max\n"));
  static_cast<void>(root.Write(job + "memory.current", "1000000\n"));
  static_cast<void>(root.Write(job + "cpu.max", "max 100000\n"));
  CHECK(ReadHostCapacity(root.path()).memory_mib == 16384 - 1638);
  // 8 GiB, of which 3 GiB are used, 1 GiB of that by page cache that can go.
  static_cast<void>(root.Write("sys/fs/cgroup/ci/memory.max", "8589934592\n"));
  static_cast<void>(root.Write("sys/fs/cgroup/ci/memory.current", "3221225472\n"));
  static_cast<void>(root.Write("sys/fs/cgroup/ci/memory.stat", "anon 5\ninactive_file 1073741824\n"));
  static_cast<void>(root.Write("sys/fs/cgroup/ci/cpu.max", "25000 100000\n"));
  const HostCapacity host = ReadHostCapacity(root.path());
  CHECK(host.memory_mib == 6144 - 614);
  CHECK(host.cpus == 0.25);
}

TEST_CASE("control groups of version 1 limit likewise") {
  const TempDir root;
  static_cast<void>(root.Write("proc/meminfo", kMeminfo));
  static_cast<void>(root.Write("proc/self/cgroup", "4:memory:/job\n3:cpu,cpuacct:/job\n0::/\n"));
  static_cast<void>(root.Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"));
  static_cast<void>(root.Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "1\n"));
  static_cast<void>(root.Write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "2147483648\n"));
  static_cast<void>(root.Write("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "0\n"));
  static_cast<void>(root.Write("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "50000\n"));
  static_cast<void>(root.Write("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n"));
  const HostCapacity host = ReadHostCapacity(root.path());
  CHECK(host.memory_mib == 2048 - 512);
  CHECK(host.cpus == 0.5);
  static_cast<void>(root.Write("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1\n"));
  CHECK(ReadHostCapacity(root.path()).cpus >= 1);
}

TEST_CASE("this host has CPUs and memory") {
  const HostCapacity host = ReadHostCapacity();
  CHECK(host.cpus > 0);
  CHECK(host.memory_mib > 0);
}

}  // namespace
}  // namespace ktstr::vmm
