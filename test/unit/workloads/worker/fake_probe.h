// A probe whose clock and counters the test sets.
#pragma once

#include "workloads/worker/telemetry.h"

namespace ktstr {

struct FakeProbe : WorkerProbe {
  std::uint64_t now_ns = 1'000'000'000;
  std::uint64_t cpu_ns = 500;
  std::uint32_t cpu = 0;
  std::vector<NodePages> numa_pages;
  std::uint64_t numa_pages_migrated = 0;

  void PassMs(std::uint64_t ms) { now_ns += ms * 1'000'000; }

  std::uint64_t NowNs() override { return now_ns; }
  std::uint64_t ThreadCpuNs() override { return cpu_ns; }
  std::uint32_t CurrentCpu() override { return cpu; }
  std::vector<NodePages> ReadNumaPages(const void*) override { return numa_pages; }
  std::uint64_t ReadNumaPagesMigrated() override { return numa_pages_migrated; }
};

}  // namespace ktstr
