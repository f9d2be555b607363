#include "interpreter/judge/cpu_quality.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/fold/metrics.h"
#include "interpreter/scenario/checks/share_check.h"
#include "interpreter/scenario/defaults/stall.h"

namespace ktstr {
namespace {

// Default checks, by the names of their fields. They are about time that the guest must really have had.
constexpr std::string_view kNoStall = "no_stall";
constexpr std::string_view kProgress = "progress";
constexpr std::string_view kKernelComplaints = "kernel_complaints";
constexpr double kStoppedShare = 0.1;

struct MachineStop {
  double ms = 0;
  double share = 0;  // of the phase
};

/// In the phase of that name, or in the whole run when it is "".
MachineStop LongestStop(const RunRecord& record, std::string_view phase) {
  MachineStop longest;
  const auto look = [&](const Measures& measures) {
    const auto ms = static_cast<double>(measures.machine_stopped_ns) / 1e6;
    if (ms > longest.ms) longest = {ms, ms * 1e6 / static_cast<double>(measures.wall_ns)};
  };
  for (const CollectedReport& collected : record.reports) {
    if (phase.empty()) look(collected.report);
    for (const PhaseSlice& slice : collected.report.phase_slices)
      for (const PhaseWindow& window : record.phases)
        if (window.index == slice.phase && window.name == phase) look(slice);
  }
  return longest;
}

/// Whether the value is worse than its bound, not better. Of a ratio that is not known: the host may have
/// been poor in the other phase.
bool IsWorseThanBound(const MetricDecl& metric, const CheckResult& result) {
  if (!result.value || !result.bound || result.unit == "x") return true;
  return metric.better == Polarity::kHigher ? *result.value < *result.bound : *result.value > *result.bound;
}

/// A duration in which QEMU waited for about the share of the time that it waited for in the whole run.
bool IsLong(const CheckResult& result) {
  if (!result.value || !result.bound) return false;
  if (result.check == kNoStall || result.check == kProgress) return true;
  return (result.unit == "ms" && *result.value >= 1e3) || (result.unit == "us" && *result.value >= 1e6);
}

/// Whether a worker stood still because of a signal, which no CPU of the host changes.
bool StoppedBySignal(const RunRecord& record, double limit_ms) {
  return std::any_of(record.reports.begin(), record.reports.end(), [&](const CollectedReport& collected) {
    const Stall stall = WorstStall(collected.report);
    return stall.state == TaskState::kStopped && static_cast<double>(stall.BlamedMs()) > limit_ms;
  });
}

bool Explains(const MachineStop& stop, const CheckResult& result) {
  if (stop.share >= kStoppedShare) return true;
  if (!result.value || !result.bound) return false;
  if (result.unit == "ms") return *result.value - stop.ms <= *result.bound;
  return result.unit == "us" && *result.value - stop.ms * 1e3 <= *result.bound;
}

}  // namespace

bool IsAboutLatency(const CheckResult& result) {
  if (result.check == kNoStall) return true;
  const MetricDecl* metric = FindMetric(result.check);
  return metric != nullptr && IsLatency(*metric);
}

bool SuffersFromAHost(const CheckResult& result) {
  if (result.check == kNoStall || result.check == kProgress || result.check.starts_with(kShareOf))
    return true;
  const MetricDecl* metric = FindMetric(result.check);
  return metric != nullptr && (IsLatency(*metric) || IsThroughput(*metric)) &&
         IsWorseThanBound(*metric, result);
}

bool MayBeTheHosts(const CheckResult& result, const RunRecord& record) {
  if (result.check == kKernelComplaints) return record.kernel_log.ComplainsOfTimeOnly();
  if (result.check == kNoStall && result.bound && StoppedBySignal(record, *result.bound)) return false;
  return SuffersFromAHost(result);
}

double WaitPct(const vmm::CpuTimes& times) {
  const double wanted = static_cast<double>(times.run_ns) + static_cast<double>(times.wait_ns);
  return wanted == 0 ? 0 : 100 * static_cast<double>(times.wait_ns) / wanted;
}

CpuGrade GradeCpu(const vmm::CpuTimes& times) {
  const double pct = WaitPct(times);
  if (pct <= kGoodWaitPct || times.wait_ns < kNegligibleWaitNs) return CpuGrade::kGood;
  return pct < kPoorWaitPct ? CpuGrade::kFair : CpuGrade::kPoor;
}

void ExcuseStarvedHost(CpuGrade grade, double wait_pct, const RunRecord& record,
                       std::vector<CheckResult>& results) {
  if (grade != CpuGrade::kPoor) return;
  for (CheckResult& result : results) {
    if (result.verdict != Verdict::kFail || !MayBeTheHosts(result, record)) continue;
    // The guest's clock goes on while QEMU waits, for whoever is on a CPU then: shares of it stay what they
    // are.
    if (result.check == kShareOfCpuTime) continue;
    if (IsLong(result) && *result.value * (1 - wait_pct / 100) > *result.bound) continue;
    result.verdict = Verdict::kInconclusive;
    result.message =
        fmt::format("the host was oversubscribed: QEMU waited {:.0f} % of the time for a CPU; {}", wait_pct,
                    result.message);
  }
}

void ExcuseMachineStops(const RunRecord& record, std::vector<CheckResult>& results) {
  for (CheckResult& result : results) {
    if (result.verdict != Verdict::kFail || result.check == kNoStall || result.check == kProgress ||
        !SuffersFromAHost(result))
      continue;
    const MachineStop stop = LongestStop(record, result.phase);
    if (stop.ms == 0 || !Explains(stop, result)) continue;
    result.verdict = Verdict::kInconclusive;
    result.message =
        fmt::format("nothing at all ran in the guest for {:.0f} ms: the host had stopped the machine; {}",
                    stop.ms, result.message);
  }
}

void ExcuseHost(CpuGrade grade, double wait_pct, const RunRecord& record, std::vector<CheckResult>& results) {
  ExcuseMachineStops(record, results);
  ExcuseStarvedHost(grade, wait_pct, record, results);
}

}  // namespace ktstr
