// Work types that use memory: they do fault, and what fails is no work.
#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "test/unit/workloads/live_group.h"
#include "workloads/worker/nodes.h"

namespace ktstr {
namespace {

/// Of a process, so far.
std::uint64_t MinorFaults(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string field;
  std::uint64_t faults = 0;
  for (int i = 0; i < 9; ++i) stat >> field;
  stat >> faults;
  return faults;
}

TEST_CASE("PageFaultChurn faults its pages in anew in each iteration") {
  AnyStruct params = DefaultParams("PageFaultChurn");
  Param<std::uint64_t>(params, "region_kib") = 64;
  LiveGroup group("PageFaultChurn", params);
  group.UntilEach(1);
  const std::uint64_t before = MinorFaults(group.pids()[0]);
  const std::uint64_t begun = group.memory().slots()[0].iterations;
  group.UntilEach(begun + 20);
  const std::uint64_t faults = MinorFaults(group.pids()[0]) - before;
  // 256 random writes miss hardly any of 16 pages; each iteration faults them again.
  CHECK(faults >= 15 * 15);
  const WorkerReport report = group.Stop()[0];
  CHECK(report.work_units == report.iterations * 320);
  CHECK(Distributions(report).empty());
}

TEST_CASE("PageFaultChurn of less than a page still has one") {
  AnyStruct params = DefaultParams("PageFaultChurn");
  Param<std::uint64_t>(params, "region_kib") = 1;
  Param<std::uint64_t>(params, "touches_per_cycle") = 7;
  Param<std::uint64_t>(params, "spin_iters") = 0;
  const WorkerReport report = RunGroup("PageFaultChurn", params, 5)[0];
  CHECK(report.work_units == report.iterations * 7);
}

TEST_CASE("memory that cannot be had is an error in the report, not work") {
  AnyStruct params = DefaultParams("PageFaultChurn");
  Param<std::uint64_t>(params, "region_kib") = 1 << 24;
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
  rlimit small = before;
  small.rlim_cur = std::uint64_t{1} << 30;
#ifdef KTSTR_SANITIZE
  return;  // its own mappings are larger than any such limit
#endif
  REQUIRE(setrlimit(RLIMIT_AS, &small) == 0);
  LiveGroup group("PageFaultChurn", params);
  REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
  group.UntilEnded();
  const WorkerReport report = group.Stop()[0];
  CHECK(report.work_error == "mmap of 16777216 KiB: Cannot allocate memory");
  CHECK(report.work_units == 0);
  CHECK(report.iterations == 0);
}

TEST_CASE("NumaWorkingSetSweep moves its working set and counts nothing else of its memory") {
  if (OnlineNodes().empty()) return;
  AnyStruct params = DefaultParams("NumaWorkingSetSweep");
  Param<std::uint64_t>(params, "region_kib") = 256;
  Param<std::uint64_t>(params, "sweep_period_ms") = 1;
  const WorkerReport report = RunGroup("NumaWorkingSetSweep", params, 5)[0];
  if (report.work_error.starts_with("mbind")) return;  // a container may not
  REQUIRE(report.work_error.empty());
  CHECK(Distributions(report) == "wake");
  CHECK(report.wake_sample_total <= report.iterations);
  CHECK(report.work_units >= report.iterations * 64);
  std::uint64_t pages = 0;
  for (const NodePages& node : report.numa_pages) pages += node.pages;
  CHECK(pages == 64);
}

TEST_CASE("NumaWorkingSetSweep on a node that is not there is an error") {
  AnyStruct params = DefaultParams("NumaWorkingSetSweep");
  Param<std::vector<std::uint32_t>>(params, "target_nodes") = {1023};
  LiveGroup group("NumaWorkingSetSweep", params);
  group.UntilEnded();
  const WorkerReport report = group.Stop()[0];
  CHECK_THAT(report.work_error, Catch::StartsWith("mbind to node 1023: "));
  CHECK(report.work_units == 0);
}

}  // namespace
}  // namespace ktstr
