// Judges what the monitor saw: derived figures, thresholds that must be broken for some time, and whether the
// data can decide at all. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "vmm/introspection/monitor/monitor_sample.h"

namespace ktstr::vmm {

/// A sample violates where its figure is above the threshold. 0 of `sustained_samples` is taken as 1.
struct MonitorThresholds {
  double imbalance = 4.0;       // the longest run queue over the shortest, which counts as 1 at least
  double local_dsq_depth = 50;  // of any CPU
  bool rq_clock_stuck = true;   // a CPU with tasks whose clock does not advance although its vCPU runs
  double fallback_rate = 200;   // SCX_EV_SELECT_CPU_FALLBACK per second, all CPUs
  double keep_last_rate = 100;  // SCX_EV_DISPATCH_KEEP_LAST per second, all CPUs
  std::uint32_t sustained_samples = 5;
  bool enforce = true;   // false: violations are reported but do not fail
  std::uint32_t hz = 0;  // the guest's CONFIG_HZ; 0: unknown, taken as 250
};

/// Figures of the whole series. Counters are their growth from each CPU's first to its last sample, never
/// below 0, summed over CPUs.
struct MonitorSummary {
  std::uint64_t samples = 0;
  std::uint64_t dropped = 0;  // CPUs' readings that were left out
  double max_imbalance = 1.0;
  double avg_imbalance = 1.0;  // over the samples with readings of all CPUs, like all averages
  std::uint64_t max_local_dsq_depth = 0;
  double avg_local_dsq_depth = 0;
  double avg_nr_running = 0;  // per CPU
  bool stuck = false;         // some CPU's clock was stuck for long enough to be a violation
  std::vector<std::pair<std::string, std::int64_t>> events;
  SchedStats schedstats;
};

struct MonitorJudgement {
  enum class Outcome : std::uint8_t { kOk, kFailed, kInconclusive };
  Outcome outcome = Outcome::kInconclusive;
  std::string text;    // "monitor OK", "monitor FAILED: 2 violation(s)", "no monitor samples", ...
  std::string reason;  // of kInconclusive: why, where `text` does not say it all; else empty
  /// One line each: what, its limit, which CPU, how long it lasted and when it was last seen. Also without
  /// `enforce`.
  std::vector<std::string> violations;
  MonitorSummary summary;
};

/// max / max(1, min) of the CPUs' nr_running; 1.0 for no CPUs.
double ImbalanceOf(const MonitorSample& sample);

/// Rules:
/// - A threshold is violated when `sustained_samples` consecutive samples are beyond it; a sample that is not
///   ends the run. The longest run is reported, of equally long ones the first, with the figures of its last
///   sample.
/// - A sample that lacks a CPU can still prove a violation, as more CPUs only add to it. If it does not, it
///   proves nothing: it neither counts nor ends a run.
/// - Rates are between consecutive samples, over the CPUs in both. A missing counter and an interval without
///   length violate nothing.
/// - A CPU's clock is stuck when it is the same as before and not 0, unless the CPU had no task both times or
///   its vCPU was preempted: its thread had less than 10 ticks of CPU time meanwhile. A vCPU whose time is
///   not known is taken as not preempted. Where one thread runs N vCPUs in turns of 100 ms, a vCPU can be
///   out of turn for that long: there the thread must have had N turns and 10 ticks since the clock last
///   advanced.
/// - Without a signal the outcome is kInconclusive whatever `enforce` says: no samples, or none with a CPU
///   ("no monitor samples"); more than one reading and all clocks equal, or an implausible reading ("monitor
///   data not yet initialized"). A full series without a violation is kInconclusive too: what followed it may
///   have had one.
MonitorJudgement JudgeMonitor(const MonitorSeries& series, const MonitorThresholds& thresholds);

}  // namespace ktstr::vmm
