// The kernel's counters of cgroups: read from files as the kernel writes them, cut at marks.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "guest-init/cgroup_ledger.h"
#include "test/unit/guest-init/guest_process.h"

namespace ktstr::guest {
namespace {

/// A cgroup directory that the test plays the kernel for.
struct FakeKernel {
  FakeKernel() : tree(guest.directory(), guest.directory() + "/managed") {
    std::filesystem::create_directories(guest.directory() + "/managed/hot");
  }
  void Say(const std::string& file, const std::string& text) const {
    std::ofstream(guest.directory() + "/managed/hot/" + file) << text;
  }
  void Cpu(int usage, int periods, int throttled, int us) const {
    Say("cpu.stat", "usage_usec " + std::to_string(usage) + "\nuser_usec 1\nnr_periods " +
                        std::to_string(periods) + "\nnr_throttled " + std::to_string(throttled) +
                        "\nthrottled_usec " + std::to_string(us) + "\n");
  }

  GuestProcess guest;
  CgroupTree tree;
};

TEST_CASE("a counter is the number behind its own name, and nothing else") {
  const std::string_view text = "max 3\nmax_usage 4\noom 1\nbad x\nhuge 99999999999999999999\n";
  CHECK(ParseCounter(text, "max") == 3);
  CHECK(ParseCounter(text, "max_usage") == 4);
  CHECK_FALSE(ParseCounter(text, "usage"));
  CHECK_FALSE(ParseCounter(text, "bad"));
  CHECK_FALSE(ParseCounter(text, "huge"));
  CHECK_FALSE(ParseCounter("", "max"));
  CHECK(ParsePressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=12345\n"
                      "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n") == 12345);
  CHECK_FALSE(ParsePressure("full avg10=0.00 total=7\n"));
  CHECK_FALSE(ParsePressure("some avg10=0.00 total=\n"));
  CHECK_FALSE(ParsePressure(""));
}

TEST_CASE("each moment of a cgroup is in one phase, from its making to its end") {
  const FakeKernel kernel;
  CgroupLedger ledger(kernel.tree);
  CHECK(ledger.Turn(1, 50).empty());
  ledger.Open("hot", 100);
  kernel.Cpu(10, 2, 1, 5);
  kernel.Say("cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=40\n");
  const auto first = ledger.Turn(2, 400);
  REQUIRE(first.size() == 1);
  CHECK(first[0].cgroup == "hot");
  CHECK(first[0].phase == 1);
  CHECK(first[0].span_ns == 300);
  CHECK(first[0].cpu_time_us == 10);
  CHECK(first[0].periods == 2);
  CHECK(first[0].throttled_periods == 1);
  CHECK(first[0].throttled_us == 5);
  CHECK(first[0].cpu_pressure_us == 40);
  CHECK_FALSE(first[0].memory_pressure_us);
  CHECK_FALSE(first[0].oom_kills);
  kernel.Cpu(25, 6, 1, 5);
  kernel.Say("memory.events", "low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\n");
  kernel.Say("pids.events", "max 4\n");
  const CgroupFigures last = ledger.Close("hot", 1000);
  CHECK(last.phase == 2);
  CHECK(last.span_ns == 600);
  CHECK(last.cpu_time_us == 15);
  CHECK(last.throttled_periods == 0);
  CHECK(last.cpu_pressure_us == 0);
  CHECK(last.oom_kills == 1);
  CHECK(last.refused_forks == 4);
  CHECK(ledger.Turn(kBetweenPhases, 1100).empty());
  CHECK(ledger.Close("hot", 1200).cgroup.empty());
}

TEST_CASE("a cgroup that is made anew begins at nothing") {
  const FakeKernel kernel;
  CgroupLedger ledger(kernel.tree);
  ledger.Open("hot", 0);
  kernel.Cpu(100, 1, 1, 1);
  CHECK(ledger.Close("hot", 10).cpu_time_us == 100);
  ledger.Open("hot", 20);
  kernel.Cpu(7, 1, 1, 1);
  const CgroupFigures again = ledger.Close("hot", 30);
  CHECK(again.cpu_time_us == 7);
  CHECK(again.span_ns == 10);
}

TEST_CASE("figures of two spans add up, and a counter that never came stays away") {
  CgroupFigures sum;
  sum.span_ns = 5;
  sum.periods = 1;
  CgroupFigures later;
  later.span_ns = 6;
  later.periods = ~std::uint64_t{0};
  later.oom_kills = 2;
  sum.Append(later);
  CHECK(sum.span_ns == 11);
  CHECK(sum.periods == ~std::uint64_t{0});
  CHECK(sum.oom_kills == 2);
  CHECK_FALSE(sum.cpu_time_us);
}

}  // namespace
}  // namespace ktstr::guest
