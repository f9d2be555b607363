// The parsers of /proc files on texts as the kernel writes them, and the probe on this host.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "guest-init/base/file_io.h"
#include "workloads/worker/system_probe.h"

namespace ktstr {
namespace {

TEST_CASE("schedstat has three numbers") {
  const auto stat = ParseSchedstat("123456789 987 42\n");
  REQUIRE(stat.has_value());
  CHECK(stat->cpu_time_ns == 123456789);
  CHECK(stat->run_delay_ns == 987);
  CHECK(stat->run_count == 42);
  CHECK_FALSE(ParseSchedstat("").has_value());
  CHECK_FALSE(ParseSchedstat("1 2\n").has_value());
  CHECK_FALSE(ParseSchedstat("a b c\n").has_value());
}

TEST_CASE("numa_maps pages are added up over all mappings") {
  const auto pages = ParseNumaMaps(
      "00400000 default file=/init mapped=3 N0=2 N1=1 kernelpagesize_kB=4\n"
      "7f0000000000 default anon=5 dirty=5 N1=5 kernelpagesize_kB=4\n"
      "7ffd00000000 default stack anon=3 dirty=3 N10=3 kernelpagesize_kB=4\n"
      "7ffd11111111 default file=/N7=9/x Nx=4 N=5\n");
  REQUIRE(pages.size() == 3);
  CHECK(pages[0].node == 0);
  CHECK(pages[0].pages == 2);
  CHECK(pages[1].node == 1);
  CHECK(pages[1].pages == 6);
  CHECK(pages[2].node == 10);
  CHECK(pages[2].pages == 3);
  CHECK(ParseNumaMaps("").empty());
}

TEST_CASE("the line of one mapping is told from those that begin likewise") {
  const char* text = "7f0000001000 bind:1 anon=5 N1=5\n7f00000010 default N0=9\n7f0000001 default N0=7";
  CHECK(NumaMapsLine(text, 0x7f0000001000) == "7f0000001000 bind:1 anon=5 N1=5");
  CHECK(NumaMapsLine(text, 0x7f0000001) == "7f0000001 default N0=7");
  CHECK(NumaMapsLine(text, 0x7f00) == "");
  CHECK(NumaMapsLine("", 1) == "");
}

TEST_CASE("vmstat values are found by their whole name") {
  const char* text = "nr_free_pages 5\nnuma_pages_migrated_total 9\nnuma_pages_migrated 77\npgalloc 3\n";
  CHECK(ParseVmstat(text, "numa_pages_migrated") == 77);
  CHECK(ParseVmstat(text, "pgalloc") == 3);
  CHECK(ParseVmstat(text, "numa_miss") == 0);
  CHECK(ParseVmstat("", "pgalloc") == 0);
}

TEST_CASE("the probe measures the thread it runs on") {
  SystemProbe probe;
  const std::uint64_t wall = probe.NowNs();
  const std::uint64_t cpu = probe.ThreadCpuNs();
  while (probe.ThreadCpuNs() == cpu) {
  }
  CHECK(probe.NowNs() > wall);
  CHECK(probe.CurrentCpu() < static_cast<std::uint32_t>(sysconf(_SC_NPROCESSORS_CONF)));
}

TEST_CASE("a file that is not there reads as empty") { CHECK(ReadSmallFile("/proc/no/such").empty()); }

}  // namespace
}  // namespace ktstr
