#include "interpreter/run/guest_observer_monitor.h"

#include <algorithm>

namespace ktstr {

void ObserverMonitor::Sample() {
  sampler_.Sample();
  // Missed turns are not made up for.
  due_ = std::max(due_ + Interval(), vmm::After(std::chrono::nanoseconds(0)));
}

MonitorRecord ObserverMonitor::Finish() {
  vmm::MonitorThresholds thresholds;
  thresholds.imbalance = spec_.imbalance;
  thresholds.local_dsq_depth = spec_.local_dsq_depth;
  thresholds.rq_clock_stuck = spec_.rq_clock_stuck;
  thresholds.fallback_rate = spec_.fallback_rate;
  thresholds.keep_last_rate = spec_.keep_last_rate;
  thresholds.sustained_samples = spec_.sustained;
  thresholds.enforce = spec_.enforce;
  thresholds.hz = hz_;
  vmm::MonitorJudgement judgement = vmm::JudgeMonitor(sampler_.series(), thresholds);
  MonitorRecord record;
  using Outcome = vmm::MonitorJudgement::Outcome;
  record.verdict = judgement.outcome == Outcome::kOk       ? Verdict::kPass
                   : judgement.outcome == Outcome::kFailed ? Verdict::kFail
                                                           : Verdict::kInconclusive;
  record.text = judgement.text;
  if (!judgement.reason.empty()) record.text += ": " + judgement.reason;
  record.violations = std::move(judgement.violations);
  record.enforce = spec_.enforce;
  record.samples = judgement.summary.samples;
  record.dropped = judgement.summary.dropped;
  record.max_imbalance = judgement.summary.max_imbalance;
  record.avg_imbalance = judgement.summary.avg_imbalance;
  record.avg_nr_running = judgement.summary.avg_nr_running;
  record.max_local_dsq_depth = judgement.summary.max_local_dsq_depth;
  for (const auto& [name, count] : judgement.summary.events)
    record.events.items.emplace_back(name, static_cast<double>(count));
  record.cost_ms = sampler_.cost_ms();
  return record;
}

}  // namespace ktstr
