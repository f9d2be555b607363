#include <catch2/catch.hpp>

#include "vmm/introspection/monitor/monitor_judge.h"

namespace ktstr::vmm {
namespace {

using Outcome = MonitorJudgement::Outcome;

/// Samples every 100 ms of CPUs whose clocks move.
struct Series {
  MonitorSeries series;

  explicit Series(std::uint32_t cpus) { series.cpus = cpus; }
  MonitorSample& Add(const std::vector<std::uint32_t>& running) {
    MonitorSample sample;
    sample.elapsed_ms = 100 * series.samples.size();
    for (std::uint32_t cpu = 0; cpu < running.size(); ++cpu) {
      CpuSample reading;
      reading.cpu = cpu;
      reading.nr_running = running[cpu];
      reading.rq_clock = 1'000'000'000 + 100'000'000 * series.samples.size() + cpu;
      sample.cpus.push_back(reading);
    }
    series.samples.push_back(sample);
    return series.samples.back();
  }
  MonitorJudgement Judge(const MonitorThresholds& thresholds = {}) const {
    return JudgeMonitor(series, thresholds);
  }
};

using Lines = std::vector<std::string>;

TEST_CASE("imbalance is the longest run queue over the shortest, which counts as one at least") {
  Series s(3);
  CHECK(ImbalanceOf(MonitorSample{}) == 1.0);
  CHECK(ImbalanceOf(s.Add({6, 2, 3})) == 3.0);
  CHECK(ImbalanceOf(s.Add({5, 0, 0})) == 5.0);
  CHECK(ImbalanceOf(s.Add({0, 0, 0})) == 0.0);
}

TEST_CASE("a healthy series violates nothing") {
  Series s(2);
  s.Add({2, 1}).cpus[0].local_dsq_depth = 4;
  s.Add({3, 1});
  s.Add({1, 1});
  const MonitorJudgement judged = s.Judge();
  CHECK(judged.outcome == Outcome::kOk);
  CHECK(judged.text == "monitor OK");
  CHECK(judged.violations.empty());
  CHECK(judged.summary.samples == 3);
  CHECK(judged.summary.max_imbalance == 3.0);
  CHECK(judged.summary.avg_imbalance == 2.0);   // (2 + 3 + 1) / 3
  CHECK(judged.summary.avg_nr_running == 1.5);  // 9 tasks in 6 readings
  CHECK(judged.summary.max_local_dsq_depth == 4);
  CHECK(judged.summary.avg_local_dsq_depth == Approx(4.0 / 6));
  CHECK_FALSE(judged.summary.stuck);
}

TEST_CASE(
    "a threshold is broken by five samples in a row, not by four, nor by five with a good one between") {
  Series s(2);
  for (int i = 0; i < 4; ++i) s.Add({9, 1});
  CHECK(s.Judge().outcome == Outcome::kOk);
  s.Add({4, 1});  // exactly the limit is within it
  for (int i = 0; i < 4; ++i) s.Add({9, 1});
  CHECK(s.Judge().outcome == Outcome::kOk);
  s.Add({10, 2});
  const MonitorJudgement judged = s.Judge();
  CHECK(judged.outcome == Outcome::kFailed);
  CHECK(judged.text == "monitor FAILED: 1 violation(s)");
  CHECK(judged.violations ==
        Lines{"imbalance 5.0 (limit 4.0): CPU 0 had 10 runnable, CPU 1 had 2; 5 samples in a row, "
              "400 ms long, last at 900 ms"});
}

TEST_CASE("the longest run of violations is reported, of equally long ones the first") {
  Series s(2);
  for (int i = 0; i < 5; ++i) s.Add({8, 0});
  s.Add({1, 1});
  for (int i = 0; i < 5; ++i) s.Add({0, 6});
  CHECK(s.Judge().violations ==
        Lines{"imbalance 8.0 (limit 4.0): CPU 0 had 8 runnable, CPU 1 had 0; 5 samples in a "
              "row, 400 ms long, last at 400 ms"});
  s.Add({0, 7});
  CHECK(s.Judge().violations ==
        Lines{"imbalance 7.0 (limit 4.0): CPU 1 had 7 runnable, CPU 0 had 0; 6 samples in a "
              "row, 500 ms long, last at 1100 ms"});
}

TEST_CASE("without enforce violations are told but do not fail; other thresholds can be set") {
  Series s(2);
  s.Add({3, 1});
  s.Add({3, 1});
  MonitorThresholds thresholds;
  thresholds.imbalance = 2.5;
  thresholds.sustained_samples = 2;
  thresholds.enforce = false;
  const MonitorJudgement judged = s.Judge(thresholds);
  CHECK(judged.outcome == Outcome::kOk);
  CHECK(judged.text == "monitor OK");
  CHECK(judged.violations ==
        Lines{"imbalance 3.0 (limit 2.5): CPU 0 had 3 runnable, CPU 1 had 1; 2 samples in a row, "
              "100 ms long, last at 100 ms"});
  thresholds.sustained_samples = 0;  // as 1
  thresholds.enforce = true;
  CHECK(s.Judge(thresholds).outcome == Outcome::kFailed);
}

TEST_CASE("a sample that lacks a CPU can only prove a violation") {
  Series s(3);
  for (int i = 0; i < 4; ++i) s.Add({9, 1, 1});
  s.Add({2, 1}).dropped = 1;  // CPU 2 may have had none
  s.Add({8, 1}).dropped = 1;
  const MonitorJudgement judged = s.Judge();
  CHECK(judged.violations ==
        Lines{"imbalance 8.0 (limit 4.0): CPU 0 had 8 runnable, CPU 1 had 1; 5 samples in a row, "
              "500 ms long, last at 500 ms"});
  CHECK(judged.summary.dropped == 2);
  CHECK(judged.summary.avg_imbalance == 9.0);  // of the whole samples
}

TEST_CASE("local DSQ depth") {
  Series s(2);
  for (int i = 0; i < 6; ++i) {
    MonitorSample& sample = s.Add({1, 1});
    sample.cpus[0].local_dsq_depth = 50;
    sample.cpus[1].local_dsq_depth = 51 + i;
  }
  CHECK(
      s.Judge().violations ==
      Lines{"local DSQ of CPU 1 held 56 tasks (limit 50); 6 samples in a row, 500 ms long, last at 500 ms"});
  CHECK(s.Judge().summary.max_local_dsq_depth == 56);
}

/// Two CPUs of which CPU 1 has `running` tasks and stands at 77 ns from the second sample on; CPU time of its
/// vCPU advances by `step` a sample.
Series Stalled(std::uint32_t running, std::optional<std::uint64_t> step, int samples = 7) {
  Series s(2);
  for (int i = 0; i < samples; ++i) {
    CpuSample& cpu = s.Add({1, running}).cpus[1];
    cpu.rq_clock = i == 0 ? 76 : 77;
    if (step) cpu.vcpu_ns = 1000 + static_cast<std::uint64_t>(i) * *step;
  }
  return s;
}

TEST_CASE("a clock that stands still is a stall") {
  // Samples 1 to 6 read 77; 2 to 6 read the same as before: five.
  const Lines stall = {
      "rq clock of CPU 1 stood still at 77 ns with 2 runnable; 5 samples in a row, 500 ms long, last "
      "at 600 ms"};
  const MonitorJudgement judged = Stalled(2, std::nullopt).Judge();
  CHECK(judged.violations == stall);
  CHECK(judged.summary.stuck);
  CHECK(Stalled(2, std::nullopt, 6).Judge().violations.empty());
  MonitorThresholds off;
  off.rq_clock_stuck = false;
  CHECK(Stalled(2, std::nullopt).Judge(off).violations.empty());
}

TEST_CASE("an idle CPU does not stall, nor does one whose clock was never set") {
  CHECK(Stalled(0, std::nullopt).Judge().violations.empty());
  Series s = Stalled(2, std::nullopt);
  for (MonitorSample& sample : s.series.samples) sample.cpus[1].rq_clock = 0;
  CHECK(s.Judge().violations.empty());
}

TEST_CASE("a preempted vCPU does not stall: its thread had less than ten ticks") {
  // 250 Hz: ten ticks are 40 ms.
  CHECK(Stalled(2, 39'999'999).Judge().violations.empty());
  CHECK(Stalled(2, 40'000'000).Judge().violations.size() == 1);
  MonitorThresholds fast;
  fast.hz = 1000;
  CHECK(Stalled(2, 9'999'999).Judge(fast).violations.empty());
  CHECK(Stalled(2, 10'000'000).Judge(fast).violations.size() == 1);
}

TEST_CASE("where one thread runs all vCPUs, one that is out of turn does not stall") {
  // Two vCPUs: a turn each and ten ticks are 240 ms since the clock moved, at sample 1. With 100 ms per
  // sample that is sample 4; the fifth stalled one is sample 8.
  Series s = Stalled(2, 100'000'000, 8);
  s.series.shared_vcpu_thread = true;
  CHECK(s.Judge().violations.empty());
  s = Stalled(2, 100'000'000, 9);
  s.series.shared_vcpu_thread = true;
  CHECK(s.Judge().violations ==
        Lines{"rq clock of CPU 1 stood still at 77 ns with 2 runnable; 5 samples in a row, "
              "500 ms long, last at 800 ms"});
}

TEST_CASE("event rates are per second, over all CPUs") {
  Series s(2);
  s.series.event_names = {"SCX_EV_OTHER", "SCX_EV_SELECT_CPU_FALLBACK", "SCX_EV_DISPATCH_KEEP_LAST"};
  for (int i = 0; i < 6; ++i) {
    MonitorSample& sample = s.Add({1, 1});
    sample.cpus[0].events = {1000 * i, 15 * i, 5 * i};
    sample.cpus[1].events = {1000 * i, 6 * i, 5 * i};
  }
  const MonitorJudgement judged = s.Judge();  // 21 and 10 in 100 ms
  CHECK(judged.violations ==
        Lines{"SCX_EV_SELECT_CPU_FALLBACK at 210.0 per second (limit 200.0); 5 samples in a row, "
              "500 ms long, last at 500 ms"});
  CHECK(judged.summary.events ==
        std::vector<std::pair<std::string, std::int64_t>>{{"SCX_EV_OTHER", 10'000},
                                                          {"SCX_EV_SELECT_CPU_FALLBACK", 105},
                                                          {"SCX_EV_DISPATCH_KEEP_LAST", 50}});
  MonitorThresholds low;
  low.keep_last_rate = 99;
  CHECK(
      s.Judge(low).violations.back() ==
      "SCX_EV_DISPATCH_KEEP_LAST at 100.0 per second (limit 99.0); 5 samples in a row, 500 ms long, last at "
      "500 ms");
}

TEST_CASE("counters that run backwards, are missing or grow in no time violate nothing") {
  Series s(1);
  s.series.event_names = {"SCX_EV_SELECT_CPU_FALLBACK"};
  for (int i = 0; i < 8; ++i) {
    MonitorSample& sample = s.Add({1});
    sample.elapsed_ms = 100;
    sample.cpus[0].events = {100'000 * i};
  }
  CHECK(s.Judge().violations.empty());
  for (std::size_t i = 0; i < 8; ++i) {
    s.series.samples[i].elapsed_ms = 100 * i;
    s.series.samples[i].cpus[0].events = {-100'000 * static_cast<std::int64_t>(i)};
  }
  CHECK(s.Judge().violations.empty());
  CHECK(s.Judge().summary.events.front().second == 0);
  for (MonitorSample& sample : s.series.samples) sample.cpus[0].events.clear();
  CHECK(s.Judge().violations.empty());
}

TEST_CASE("schedstats are summed over CPUs, from first to last reading") {
  Series s(2);
  for (std::uint64_t i = 0; i < 3; ++i) {
    MonitorSample& sample = s.Add({1, 1});
    sample.cpus[0].schedstats = SchedStats{.run_delay = 100 + 10 * i, .pcount = 7, .ttwu_count = i};
    sample.cpus[1].schedstats = SchedStats{.run_delay = 500 + 20 * i, .pcount = 7 - i, .ttwu_count = i};
  }
  CHECK(s.Judge().summary.schedstats == SchedStats{.run_delay = 60, .ttwu_count = 4});
}

TEST_CASE("no signal is inconclusive, enforced or not") {
  MonitorThresholds lax;
  lax.enforce = false;
  Series s(1);
  MonitorJudgement judged = s.Judge(lax);
  CHECK(judged.outcome == Outcome::kInconclusive);
  CHECK(judged.text == "no monitor samples");
  CHECK(judged.reason.empty());
  s.Add({}).dropped = 1;
  s.Add({}).dropped = 1;
  judged = s.Judge(lax);
  CHECK(judged.outcome == Outcome::kInconclusive);
  CHECK(judged.text == "no monitor samples");
  CHECK(judged.reason == "all 2 readings were torn or failed");
  s.Add({1});
  CHECK(s.Judge(lax).outcome == Outcome::kOk);
  s.Add({1}).cpus[0].rq_clock = s.series.samples[2].cpus[0].rq_clock;
  judged = s.Judge(lax);
  CHECK(judged.outcome == Outcome::kInconclusive);
  CHECK(judged.text == "monitor data not yet initialized");
  CHECK(judged.reason == "all 2 readings have the rq clock 1200000000");
}

TEST_CASE("a monitor that was full before the end says nothing of the rest") {
  Series s(2);
  for (int i = 0; i < 3; ++i) s.Add({2, 1});
  s.series.full = true;
  const MonitorJudgement judged = s.Judge();
  CHECK(judged.outcome == Outcome::kInconclusive);
  CHECK(judged.text == "monitor full");
  CHECK(judged.reason == "it kept the 3 samples of the first 200 ms and none of what followed");
  for (int i = 0; i < 5; ++i) s.Add({9, 1});
  CHECK(s.Judge().outcome == Outcome::kFailed);  // what it saw it saw
}

TEST_CASE("one reading beyond plausible makes all inconclusive, and is in no average") {
  Series s(2);
  s.Add({2, 1}).cpus[0].local_dsq_depth = 10'000;
  CHECK(s.Judge().outcome == Outcome::kOk);
  s.Add({8, 1}).cpus[0].local_dsq_depth = 10'001;
  const MonitorJudgement judged = s.Judge();
  CHECK(judged.outcome == Outcome::kInconclusive);
  CHECK(judged.text == "monitor data not yet initialized");
  CHECK(judged.reason == "CPU 0 read as 8 runnable and 10001 in its local DSQ at 100 ms");
  CHECK(judged.summary.avg_imbalance == 2.0);
  s.series.samples.back().cpus[0].local_dsq_depth = 0;
  CHECK(s.Judge().outcome == Outcome::kOk);
  s.series.samples.back().cpus[1].nr_running = 32'769;
  CHECK(s.Judge().outcome == Outcome::kInconclusive);
}

}  // namespace
}  // namespace ktstr::vmm
