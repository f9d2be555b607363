// What a worker measures, on a clock that the test moves.
#include <catch2/catch.hpp>

#include "test/unit/workloads/worker/fake_probe.h"
#include "workloads/worker/telemetry.h"

namespace ktstr {
namespace {

using Cpus = std::vector<std::uint32_t>;

/// A worker that was let go at the moment its telemetry starts.
struct Bench {
  Bench() {
    control.released_ns = probe.now_ns;
    Mark();
  }
  void Mark() { control.slice = SliceMark{++ordinal, probe.now_ns}.Pack(); }
  SliceGap Gap() const { return SliceGap::Unpack(slot.gap.load()); }
  SliceGap Longest() const { return SliceGap::Unpack(slot.longest.load()); }

  FakeProbe probe;
  GroupControl control;
  WorkerSlot slot;
  std::uint16_t ordinal = 0;
};

TEST_CASE("counts, samples and pages of a life are reported") {
  Bench bench;
  bench.probe.numa_pages_migrated = 100;
  Telemetry telemetry(bench.probe, bench.control, bench.slot, 77);
  for (int i = 0; i < 3; ++i) {
    bench.probe.PassMs(10);
    telemetry.EndIteration(1024);
  }
  bench.probe.numa_pages = {{0, 12}, {1, 3}};
  bench.probe.numa_pages_migrated = 107;
  CHECK(bench.slot.iterations == 3);
  CHECK(bench.slot.work_units == 3072);
  CHECK(bench.slot.progress_ns == bench.probe.now_ns);
  const WorkerReport report = telemetry.Finish();
  CHECK(report.completed);
  CHECK(report.tid == 77);
  CHECK(report.iterations == 3);
  CHECK(report.work_units == 3072);
  CHECK(report.vmstat_numa_pages_migrated == 7);
  REQUIRE(report.numa_pages.size() == 2);
  CHECK(report.numa_pages[1].pages == 3);
  CHECK_FALSE(report.exit_info.has_value());
}

TEST_CASE("the longest gap is told with its CPU and its moment") {
  Bench bench;
  Telemetry telemetry(bench.probe, bench.control, bench.slot, 1);
  bench.probe.PassMs(40);
  telemetry.EndIteration(1);
  bench.probe.PassMs(350);
  bench.probe.cpu = 3;
  telemetry.EndIteration(1);
  const std::uint64_t end = bench.probe.now_ns;
  bench.probe.PassMs(100);
  bench.probe.cpu = 1;
  telemetry.EndIteration(1);
  for (const SliceGap& gap : {bench.Gap(), bench.Longest()}) {
    CHECK(gap.us == 350'000);
    CHECK(gap.cpu == 3);
    CHECK(gap.ordinal == 1);
  }
  CHECK(bench.slot.gap_end_ns == end);
  CHECK(bench.slot.longest_end_ns == end);
}

TEST_CASE("the first gap begins when the worker is let go") {
  Bench bench;
  bench.probe.PassMs(800);  // it did not get to its first instruction
  Telemetry telemetry(bench.probe, bench.control, bench.slot, 1);
  CHECK(bench.Longest().us == 800'000);
}

TEST_CASE("a gap that a mark falls into counts from the mark in the slice, and whole in the life") {
  Bench bench;
  Telemetry telemetry(bench.probe, bench.control, bench.slot, 1);
  bench.probe.PassMs(300);
  bench.Mark();
  bench.probe.PassMs(200);
  telemetry.EndIteration(1);
  CHECK(bench.Gap().ordinal == 2);
  CHECK(bench.Gap().us == 200'000);
  CHECK(bench.Longest().us == 500'000);
}

TEST_CASE("blocked time is not a gap, but what came before the block is") {
  Bench bench;
  Telemetry telemetry(bench.probe, bench.control, bench.slot, 1);
  bench.probe.PassMs(70);  // starved before it could block
  const std::uint64_t begin = telemetry.BeginBlock();
  CHECK(begin == bench.probe.now_ns);
  CHECK(bench.slot.blocked_until_ns == kUntilWoken);
  bench.probe.PassMs(5000);
  telemetry.EndBlock(bench.probe.now_ns);
  CHECK(bench.slot.blocked_until_ns == kNotBlocked);
  bench.probe.PassMs(1);
  telemetry.EndIteration(1024);
  CHECK(bench.Longest().us == 70'000);
}

TEST_CASE("waking late from a timed sleep is a gap") {
  Bench bench;
  Telemetry telemetry(bench.probe, bench.control, bench.slot, 1);
  const std::uint64_t begin = telemetry.BeginSleep(100'000'000);
  CHECK(bench.slot.blocked_until_ns == begin + 100'000'000);
  bench.probe.PassMs(100 + 2500);  // asked for 100 ms, ran again 2.5 s later
  telemetry.EndBlock(begin + 100'000'000);
  telemetry.EndIteration(1024);
  CHECK(bench.Longest().us == 2'500'000);
}

TEST_CASE("the CPU is looked at when the work units reach a multiple of 1024") {
  Bench bench;
  Telemetry telemetry(bench.probe, bench.control, bench.slot, 1);  // looks once at the start: CPU 0
  bench.probe.cpu = 5;
  for (int i = 0; i < 1023; ++i) telemetry.EndIteration(1);
  bench.probe.cpu = 2;
  telemetry.EndIteration(1);  // the 1024th unit
  bench.probe.cpu = 4;
  telemetry.Work(512);  // within an iteration, and only half of it
  bench.probe.cpu = 6;
  telemetry.Work(512);
  const WorkerReport report = telemetry.Finish();
  CHECK(report.cpus_used == Cpus{0, 2, 6});
  CHECK(report.migration_count == 2);
  REQUIRE(report.migrations.size() == 2);
  CHECK(report.migrations[0].from_cpu == 0);
  CHECK(report.migrations[0].to_cpu == 2);
  CHECK(report.migrations[1].to_cpu == 6);
}

TEST_CASE("migrations are listed up to a limit and counted beyond it") {
  Bench bench;
  Telemetry telemetry(bench.probe, bench.control, bench.slot, 1);
  for (std::uint32_t i = 0; i < 5000; ++i) {
    bench.probe.cpu = 1 - bench.probe.cpu;
    bench.probe.now_ns += 10;
    telemetry.EndIteration(1024);
  }
  const WorkerReport report = telemetry.Finish();
  CHECK(report.migration_count == 5000);
  REQUIRE(report.migrations.size() == kMaxMigrations);
  CHECK(report.migrations[1].at_ns == 20);
}

TEST_CASE("samples of the three kinds go to their own reservoirs") {
  Bench bench;
  Telemetry telemetry(bench.probe, bench.control, bench.slot, 1);
  telemetry.RecordWake(1);
  telemetry.RecordTimer(2);
  telemetry.RecordTimer(3);
  telemetry.RecordIterationCost(4);
  const WorkerReport report = telemetry.Finish();
  CHECK(report.wake_latencies_ns == std::vector<std::uint64_t>{1});
  CHECK(report.timer_latencies_ns == std::vector<std::uint64_t>{2, 3});
  CHECK(report.iteration_costs_ns == std::vector<std::uint64_t>{4});
  CHECK(report.timer_sample_total == 2);
}

TEST_CASE("a slice has what happened since its mark was noticed, under the mark's time") {
  Bench bench;
  Telemetry telemetry(bench.probe, bench.control, bench.slot, 1);
  const std::uint64_t first = bench.probe.now_ns;
  telemetry.RecordWake(11);
  bench.probe.PassMs(10);
  telemetry.EndIteration(1024);
  bench.Mark();
  const std::uint64_t second = bench.probe.now_ns;
  bench.probe.cpu = 1;
  bench.probe.PassMs(10);
  telemetry.EndIteration(1);  // notices: where it finds itself is the new slice's doing
  telemetry.RecordWake(12);
  const WorkerReport report = telemetry.Finish();
  REQUIRE(report.phase_slices.size() == 2);
  CHECK(report.phase_slices[0].begin_ns == first);
  CHECK(report.phase_slices[0].cpus_used == Cpus{0});
  CHECK(report.phase_slices[0].wake_latencies_ns == std::vector<std::uint64_t>{11});
  CHECK(report.phase_slices[1].begin_ns == second);
  CHECK(report.phase_slices[1].cpus_used == Cpus{1});
  CHECK(report.phase_slices[1].migration_count == 1);
  CHECK(report.phase_slices[1].wake_latencies_ns == std::vector<std::uint64_t>{12});
  CHECK(report.wake_latencies_ns.size() == 2);
}

TEST_CASE("each CPU is held against the cpuset of the moment, however often that changes in a phase") {
  Bench bench;
  Telemetry telemetry(bench.probe, bench.control, bench.slot, 1);  // nobody knows the set yet
  const auto work_on = [&](std::uint32_t cpu) {
    bench.probe.cpu = cpu;
    telemetry.EndIteration(1024);
  };
  for (const std::uint32_t cpu : {1U, 2U, 3U}) {
    bench.control.allowed.Publish({cpu});
    work_on(cpu);
    bench.control.allowed.Suspend();
    work_on(cpu + 1);  // while it is changed either may hold
  }
  bench.control.allowed.Publish({1});
  work_on(1);
  bench.Mark();
  bench.control.allowed.Publish({2, 200});
  work_on(1);  // it stays where it was
  bench.control.allowed.Publish({1, 2, 3});
  work_on(3);
  work_on(7);
  const WorkerReport report = telemetry.Finish();
  REQUIRE(report.phase_slices.size() == 2);
  CHECK(report.phase_slices[0].cpus_used == Cpus{0, 1, 2, 3, 4});
  CHECK(report.phase_slices[0].cpus_outside == Cpus{});
  CHECK(report.phase_slices[0].outside_of == Cpus{});
  CHECK(report.phase_slices[1].cpus_outside == Cpus{1, 7});
  CHECK(report.phase_slices[1].outside_of == Cpus{2, 200});
}

TEST_CASE("a worker that is moved while it looks where it is looks again") {
  AllowedCpus allowed;
  allowed.Publish({1});
  int looks = 0;
  const AllowedCpus::Place place = allowed.Look([&] {
    if (looks++ == 0) allowed.Publish({2});
    return 2U;
  });
  CHECK(looks == 2);
  CHECK(place.cpu == 2);
  CHECK_FALSE(place.outside_of.has_value());
  allowed.Publish({});  // nobody knows
  CHECK_FALSE(allowed.Look([] { return 5U; }).outside_of.has_value());
}

TEST_CASE("a phase's reservoir holds 8192 samples, the run's 100000, and both count them all") {
  Bench bench;
  Telemetry telemetry(bench.probe, bench.control, bench.slot, 1);
  for (std::uint64_t i = 0; i < 120'000; ++i) telemetry.RecordWake(i);
  bench.probe.PassMs(1);
  bench.Mark();
  telemetry.EndIteration(1);
  const WorkerReport report = telemetry.Finish();
  CHECK(report.wake_latencies_ns.size() == 100'000);
  CHECK(report.wake_sample_total == 120'000);
  REQUIRE(report.phase_slices.size() == 2);
  CHECK(report.phase_slices[0].wake_latencies_ns.size() == 8192);
  CHECK(report.phase_slices[0].wake_sample_total == 120'000);
  CHECK(report.phase_slices[1].wake_sample_total == 0);
}

}  // namespace
}  // namespace ktstr
