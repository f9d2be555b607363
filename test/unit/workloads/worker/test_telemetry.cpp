// What a worker measures, on a clock that the test moves.
#include <catch2/catch.hpp>

#include "test/unit/workloads/worker/fake_probe.h"

namespace ktstr {
namespace {

using Cpus = std::vector<std::uint32_t>;

TEST_CASE("whole-run figures are differences between start and end") {
  FakeProbe probe;
  probe.numa_pages_migrated = 100;
  Telemetry telemetry(probe, 77, false, 0);
  for (int i = 0; i < 3; ++i) {
    probe.PassMs(10);
    probe.cpu_ns += 4'000'000;
    telemetry.EndIteration(1024, 0);
  }
  probe.schedstat = Schedstat{110, 220, 330};
  probe.numa_pages = {{0, 12}, {1, 3}};
  probe.numa_pages_migrated = 107;
  const WorkerReport report = telemetry.Finish();
  CHECK(report.completed);
  CHECK(report.tid == 77);
  CHECK(report.iterations == 3);
  CHECK(report.work_units == 3072);
  CHECK(report.wall_ns == 30'000'000);
  CHECK(report.cpu_time_ns == 12'000'000);
  CHECK(report.off_cpu_ns == 18'000'000);
  CHECK(report.schedstat_available);
  CHECK(report.schedstat_cpu_time_ns == 100);
  CHECK(report.run_delay_ns == 200);
  CHECK(report.run_count == 300);
  CHECK(report.vmstat_numa_pages_migrated == 7);
  REQUIRE(report.numa_pages.size() == 2);
  CHECK(report.numa_pages[1].pages == 3);
  CHECK(report.phase_slices.empty());
  CHECK_FALSE(report.exit_info.has_value());
}

TEST_CASE("a thread clock ahead of the wall clock gives no negative off-CPU time") {
  FakeProbe probe;
  Telemetry telemetry(probe, 1, false, 0);
  probe.PassMs(1);
  probe.cpu_ns += 5'000'000;
  CHECK(telemetry.Finish().off_cpu_ns == 0);
}

TEST_CASE("without schedstat the report says so instead of reporting zeros as measured") {
  FakeProbe probe;
  probe.schedstat.reset();
  Telemetry telemetry(probe, 1, false, 0);
  probe.schedstat = Schedstat{5, 5, 5};
  const WorkerReport report = telemetry.Finish();
  CHECK_FALSE(report.schedstat_available);
  CHECK(report.run_count == 0);
}

TEST_CASE("the longest gap is kept with its CPU and its moment") {
  FakeProbe probe;
  Telemetry telemetry(probe, 1, false, 0);
  probe.PassMs(40);
  telemetry.EndIteration(1, 0);
  probe.PassMs(350);
  probe.cpu = 3;
  telemetry.EndIteration(1, 0);
  probe.PassMs(100);
  probe.cpu = 1;
  telemetry.EndIteration(1, 0);
  const WorkerReport report = telemetry.Finish();
  CHECK(report.max_gap_ms == 350);
  CHECK(report.max_gap_cpu == 3);
  CHECK(report.max_gap_at_ms == 390);
}

TEST_CASE("blocked time is not a gap, but what came before the block is") {
  FakeProbe probe;
  Telemetry telemetry(probe, 1, false, 0);
  probe.PassMs(70);  // starved before it could block
  const std::uint64_t begin = telemetry.BeginBlock();
  CHECK(begin == probe.now_ns);
  probe.PassMs(5000);
  telemetry.EndBlock(probe.now_ns);
  probe.PassMs(1);
  telemetry.EndIteration(1024, 0);
  CHECK(telemetry.Finish().max_gap_ms == 70);
}

TEST_CASE("waking late from a timed sleep is a gap") {
  FakeProbe probe;
  Telemetry telemetry(probe, 1, false, 0);
  const std::uint64_t begin = telemetry.BeginBlock();
  probe.PassMs(100 + 2500);  // asked for 100 ms, ran again 2.5 s later
  telemetry.EndBlock(begin + 100'000'000);
  telemetry.EndIteration(1024, 0);
  CHECK(telemetry.Finish().max_gap_ms == 2500);
}

TEST_CASE("a worker that never got to run again shows it at the end") {
  FakeProbe probe;
  Telemetry telemetry(probe, 1, false, 0);
  telemetry.EndIteration(1, 0);
  probe.PassMs(3000);
  CHECK(telemetry.Finish().max_gap_ms == 3000);
}

TEST_CASE("the CPU is looked at when the work units reach a multiple of 1024") {
  FakeProbe probe;
  Telemetry telemetry(probe, 1, false, 0);  // looks once at the start: CPU 0
  probe.cpu = 5;
  for (int i = 0; i < 1023; ++i) telemetry.EndIteration(1, 0);
  probe.cpu = 2;
  telemetry.EndIteration(1, 0);  // the 1024th unit
  probe.cpu = 4;
  telemetry.Work(512);  // within an iteration, and only half of it
  probe.cpu = 6;
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
  FakeProbe probe;
  Telemetry telemetry(probe, 1, false, 0);
  for (std::uint32_t i = 0; i < 5000; ++i) {
    probe.cpu = 1 - probe.cpu;
    probe.now_ns += 10;
    telemetry.EndIteration(1024, 0);
  }
  const WorkerReport report = telemetry.Finish();
  CHECK(report.migration_count == 5000);
  REQUIRE(report.migrations.size() == kMaxMigrations);
  CHECK(report.migrations[1].at_ns == 20);
}

TEST_CASE("samples of the three kinds go to their own reservoirs") {
  FakeProbe probe;
  Telemetry telemetry(probe, 1, false, 0);
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

// A worker of the backdrop that sees the baseline, phase 1, the gap after it and phase 2.
WorkerReport BackdropRun() {
  FakeProbe probe;
  Telemetry telemetry(probe, 1, true, 0);
  const auto iterate = [&](int count, std::uint32_t phase) {
    for (int i = 0; i < count; ++i) {
      probe.PassMs(10);
      probe.cpu_ns += 6'000'000;
      telemetry.EndIteration(1024, phase);
    }
  };
  iterate(1, 0);
  probe.PassMs(20);
  iterate(1, 0);
  iterate(1, 1);  // sees the change at its end: it still counts for the baseline
  telemetry.RecordWake(11);
  telemetry.RecordWake(12);
  probe.schedstat = Schedstat{1010, 2020, 31};
  probe.cpu = 1;
  iterate(4, 1);
  iterate(1, kBetweenPhases);
  probe.numa_pages = {{0, 9}};
  iterate(1, 2);
  probe.PassMs(40);
  telemetry.RecordWake(13);
  return telemetry.Finish();
}

TEST_CASE("a backdrop worker ships one slice per phase, the gaps between phases included") {
  const WorkerReport report = BackdropRun();
  REQUIRE(report.phase_slices.size() == 4);
  const PhaseSlice& baseline = report.phase_slices[0];
  CHECK(baseline.phase == 0);
  CHECK(baseline.iterations == 3);
  CHECK(baseline.cpus_used == Cpus{0});
  CHECK(baseline.wake_sample_total == 0);
  CHECK(baseline.max_gap_ms == 30);

  const PhaseSlice& first = report.phase_slices[1];
  CHECK(first.phase == 1);
  CHECK(first.iterations == 5);
  CHECK(first.work_units == 5120);
  CHECK(first.wall_ns == 50'000'000);
  CHECK(first.off_cpu_ns == 20'000'000);
  CHECK(first.run_delay_ns == 2000);
  CHECK(first.schedstat_cpu_time_ns == 1000);
  CHECK(first.migration_count == 1);
  CHECK(first.cpus_used == Cpus{0, 1});
  CHECK(first.wake_latencies_ns == std::vector<std::uint64_t>{11, 12});
  CHECK(first.wake_sample_total == 2);
  CHECK(first.max_gap_ms == 10);

  CHECK(report.phase_slices[2].phase == kBetweenPhases);
  CHECK(report.phase_slices[2].numa_pages.size() == 1);
  const PhaseSlice& last = report.phase_slices[3];
  CHECK(last.phase == 2);
  CHECK(last.wake_latencies_ns == std::vector<std::uint64_t>{13});
  CHECK(last.max_gap_ms == 40);
  CHECK(last.max_gap_cpu == 1);
  CHECK(last.wall_ns == 40'000'000);
  CHECK(last.cpus_used == Cpus{1});

  // The slices cover the whole run.
  std::uint64_t iterations = 0;
  for (const PhaseSlice& slice : report.phase_slices) iterations += slice.iterations;
  CHECK(iterations == report.iterations);
  CHECK(report.wake_latencies_ns.size() == 3);
}

TEST_CASE("workers that are not in the backdrop, or saw one phase only, ship no slices") {
  FakeProbe probe;
  Telemetry plain(probe, 1, false, 0);
  plain.EndIteration(1, 1);
  plain.EndIteration(1, 2);
  CHECK(plain.Finish().phase_slices.empty());
  Telemetry backdrop(probe, 1, true, 3);
  backdrop.EndIteration(1, 3);
  CHECK(backdrop.Finish().phase_slices.empty());
}

TEST_CASE("a phase's reservoir holds 8192 samples, the run's 100000, and both count them all") {
  FakeProbe probe;
  Telemetry telemetry(probe, 1, true, 1);
  for (std::uint64_t i = 0; i < 120'000; ++i) telemetry.RecordWake(i);
  telemetry.EndIteration(1, 2);
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
