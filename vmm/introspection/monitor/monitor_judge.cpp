#include "vmm/introspection/monitor/monitor_judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>

namespace ktstr::vmm {
namespace {

constexpr std::uint32_t kAssumedHz = 250;
constexpr std::uint64_t kTurnNs = 100'000'000;  // QEMU's TCG_KICK_PERIOD
constexpr std::string_view kFallback = "SCX_EV_SELECT_CPU_FALLBACK";
constexpr std::string_view kKeepLast = "SCX_EV_DISPATCH_KEEP_LAST";

/// What one sample says of one threshold.
enum class Evidence : std::uint8_t { kViolates, kFine, kNone };

/// Consecutive samples beyond a threshold; keeps the longest run there was.
class SustainedRun {
 public:
  /// `since_ms`: when what the sample shows began; `what` describes it.
  void Add(Evidence evidence, std::uint64_t since_ms, std::uint64_t at_ms, std::string what) {
    if (evidence == Evidence::kNone) return;
    if (evidence == Evidence::kFine) {
      now_ = {};
      return;
    }
    if (now_.count == 0) now_.begin_ms = since_ms;
    ++now_.count;
    now_.end_ms = at_ms;
    now_.what = std::move(what);
    if (now_.count > longest_.count) longest_ = now_;
  }

  /// Appends a line unless all was well. Returns whether it did.
  bool Report(std::uint32_t sustained, std::vector<std::string>& violations) const {
    if (longest_.count < std::max<std::uint32_t>(1, sustained)) return false;
    violations.push_back(fmt::format("{}; {} sample{} in a row, {} ms long, last at {} ms", longest_.what,
                                     longest_.count, longest_.count == 1 ? "" : "s",
                                     longest_.end_ms - longest_.begin_ms, longest_.end_ms));
    return true;
  }

 private:
  struct Run {
    std::uint32_t count = 0;
    std::uint64_t begin_ms = 0;
    std::uint64_t end_ms = 0;
    std::string what;
  };
  Run now_;
  Run longest_;
};

bool Plausible(const CpuSample& reading) {
  return reading.local_dsq_depth.value_or(0) <= kMaxPlausibleDsqDepth &&
         reading.nr_running <= kMaxPlausibleRunning;
}

bool Complete(const MonitorSeries& series, const MonitorSample& sample) {
  return sample.dropped == 0 && !sample.cpus.empty() && sample.cpus.size() >= series.cpus;
}

Evidence Judge(bool violates, bool complete) {
  if (violates) return Evidence::kViolates;
  return complete ? Evidence::kFine : Evidence::kNone;
}

const CpuSample* Find(const MonitorSample& sample, std::uint32_t cpu) {
  for (const CpuSample& reading : sample.cpus)
    if (reading.cpu == cpu) return &reading;
  return nullptr;
}

bool ByRunning(const CpuSample& a, const CpuSample& b) { return a.nr_running < b.nr_running; }
bool ByDsqDepth(const CpuSample& a, const CpuSample& b) {
  return a.local_dsq_depth.value_or(0) < b.local_dsq_depth.value_or(0);
}

void JudgeImbalance(const MonitorSeries& series, const MonitorThresholds& thresholds,
                    std::vector<std::string>& violations) {
  SustainedRun run;
  for (const MonitorSample& sample : series.samples) {
    if (sample.cpus.empty()) continue;
    const double ratio = ImbalanceOf(sample);
    const auto [least, most] = std::minmax_element(sample.cpus.begin(), sample.cpus.end(), ByRunning);
    run.Add(Judge(ratio > thresholds.imbalance, Complete(series, sample)), sample.elapsed_ms,
            sample.elapsed_ms,
            fmt::format("imbalance {:.1f} (limit {:.1f}): CPU {} had {} runnable, CPU {} had {}", ratio,
                        thresholds.imbalance, most->cpu, most->nr_running, least->cpu, least->nr_running));
  }
  run.Report(thresholds.sustained_samples, violations);
}

void JudgeDsqDepth(const MonitorSeries& series, const MonitorThresholds& thresholds,
                   std::vector<std::string>& violations) {
  SustainedRun run;
  for (const MonitorSample& sample : series.samples) {
    const auto deepest = std::max_element(sample.cpus.begin(), sample.cpus.end(), ByDsqDepth);
    if (deepest == sample.cpus.end()) continue;
    const std::uint32_t depth = deepest->local_dsq_depth.value_or(0);
    run.Add(Judge(depth > thresholds.local_dsq_depth, Complete(series, sample)), sample.elapsed_ms,
            sample.elapsed_ms,
            fmt::format("local DSQ of CPU {} held {} tasks (limit {:g})", deepest->cpu, depth,
                        thresholds.local_dsq_depth));
  }
  run.Report(thresholds.sustained_samples, violations);
}

/// The readings of one CPU in order, and what its clock and its vCPU did between them.
class ClockWatch {
 public:
  ClockWatch(const MonitorSeries& series, const MonitorThresholds& thresholds)
      : turns_ns_(series.shared_vcpu_thread ? series.cpus * kTurnNs : 0),
        shared_(series.shared_vcpu_thread),
        ten_ticks_ns_(10 * (1'000'000'000 / (thresholds.hz == 0 ? kAssumedHz : thresholds.hz))) {}

  void Add(std::uint64_t at_ms, const CpuSample& reading) {
    if (before_) {
      const bool same = reading.rq_clock == before_->rq_clock && reading.rq_clock != 0;
      const bool idle = reading.nr_running == 0 && before_->nr_running == 0;
      run_.Add(Judge(same && !idle && !Preempted(reading), true), before_ms_, at_ms,
               fmt::format("rq clock of CPU {} stood still at {} ns with {} runnable", reading.cpu,
                           reading.rq_clock, reading.nr_running));
    }
    if (!before_ || reading.rq_clock != before_->rq_clock) moved_vcpu_ns_ = reading.vcpu_ns;
    before_ = reading;
    before_ms_ = at_ms;
  }
  [[nodiscard]] const SustainedRun& run() const { return run_; }

 private:
  [[nodiscard]] bool Preempted(const CpuSample& reading) const {
    const auto& since = shared_ ? moved_vcpu_ns_ : before_->vcpu_ns;
    if (!since || !reading.vcpu_ns) return false;
    return *reading.vcpu_ns < *since + turns_ns_ + ten_ticks_ns_;
  }

  std::uint64_t turns_ns_;
  bool shared_;
  std::uint64_t ten_ticks_ns_;
  std::optional<CpuSample> before_;
  std::uint64_t before_ms_ = 0;
  std::optional<std::uint64_t> moved_vcpu_ns_;  // when the clock was last seen to move
  SustainedRun run_;
};

bool JudgeClocks(const MonitorSeries& series, const MonitorThresholds& thresholds,
                 std::vector<std::string>& violations) {
  std::map<std::uint32_t, ClockWatch> watches;
  for (const MonitorSample& sample : series.samples)
    for (const CpuSample& reading : sample.cpus)
      watches.try_emplace(reading.cpu, series, thresholds).first->second.Add(sample.elapsed_ms, reading);
  bool stuck = false;
  for (const auto& [cpu, watch] : watches)
    stuck = watch.run().Report(thresholds.sustained_samples, violations) || stuck;
  return stuck;
}

/// How much a counter grew between two samples, over the CPUs in both; nothing if none of them has it.
std::optional<std::int64_t> Growth(const MonitorSample& from, const MonitorSample& to, std::size_t event) {
  std::optional<std::int64_t> growth;
  for (const CpuSample& later : to.cpus) {
    const CpuSample* earlier = Find(from, later.cpu);
    if (earlier == nullptr || event >= earlier->events.size() || event >= later.events.size()) continue;
    const std::int64_t delta =
        later.events[event] < earlier->events[event] ? 0 : later.events[event] - earlier->events[event];
    growth = growth.value_or(0) + delta;
  }
  return growth;
}

void JudgeRate(const MonitorSeries& series, std::string_view name, double limit, std::uint32_t sustained,
               std::vector<std::string>& violations) {
  const auto found = std::find(series.event_names.begin(), series.event_names.end(), name);
  if (found == series.event_names.end()) return;
  const auto event = static_cast<std::size_t>(found - series.event_names.begin());
  SustainedRun run;
  for (std::size_t i = 1; i < series.samples.size(); ++i) {
    const MonitorSample& from = series.samples[i - 1];
    const MonitorSample& to = series.samples[i];
    const std::optional<std::int64_t> growth = Growth(from, to, event);
    const std::uint64_t ms = to.elapsed_ms - std::min(from.elapsed_ms, to.elapsed_ms);
    const double rate = growth && ms > 0 ? static_cast<double>(*growth) * 1000 / static_cast<double>(ms) : 0;
    run.Add(Judge(rate > limit, Complete(series, from) && Complete(series, to)), from.elapsed_ms,
            to.elapsed_ms, fmt::format("{} at {:.1f} per second (limit {:.1f})", name, rate, limit));
  }
  run.Report(sustained, violations);
}

/// Each CPU's first and last reading.
struct Ends {
  const CpuSample* first = nullptr;
  const CpuSample* last = nullptr;
};

void SumCounters(const std::map<std::uint32_t, Ends>& ends, MonitorSummary& summary) {
  const auto growth = [](auto from, auto to) { return to < from ? 0 : to - from; };
  for (const auto& [cpu, end] : ends) {
    const std::size_t events =
        std::min({summary.events.size(), end.first->events.size(), end.last->events.size()});
    for (std::size_t i = 0; i < events; ++i)
      summary.events[i].second += growth(end.first->events[i], end.last->events[i]);
    if (!end.first->schedstats || !end.last->schedstats) continue;
    for (const auto member :
         {&SchedStats::run_delay, &SchedStats::pcount, &SchedStats::yld_count, &SchedStats::sched_count,
          &SchedStats::sched_goidle, &SchedStats::ttwu_count, &SchedStats::ttwu_local})
      summary.schedstats.*member += growth((*end.first->schedstats).*member, (*end.last->schedstats).*member);
  }
}

MonitorSummary Summarise(const MonitorSeries& series) {
  MonitorSummary summary;
  summary.samples = series.samples.size();
  for (const std::string& name : series.event_names) summary.events.emplace_back(name, 0);
  std::map<std::uint32_t, Ends> ends;
  double imbalance = 0, running = 0, depth = 0;
  std::size_t complete = 0, readings = 0;
  for (const MonitorSample& sample : series.samples) {
    summary.dropped += sample.dropped;
    summary.max_imbalance = std::max(summary.max_imbalance, ImbalanceOf(sample));
    const bool whole =
        Complete(series, sample) && std::all_of(sample.cpus.begin(), sample.cpus.end(), Plausible);
    if (whole) {
      ++complete;
      imbalance += ImbalanceOf(sample);
    }
    for (const CpuSample& reading : sample.cpus) {
      Ends& end = ends[reading.cpu];
      if (end.first == nullptr) end.first = &reading;
      end.last = &reading;
      summary.max_local_dsq_depth =
          std::max<std::uint64_t>(summary.max_local_dsq_depth, reading.local_dsq_depth.value_or(0));
      if (!whole) continue;
      ++readings;
      running += reading.nr_running;
      depth += reading.local_dsq_depth.value_or(0);
    }
  }
  if (complete > 0) {
    summary.avg_imbalance = imbalance / static_cast<double>(complete);
    summary.avg_nr_running = running / static_cast<double>(readings);
    summary.avg_local_dsq_depth = depth / static_cast<double>(readings);
  }
  SumCounters(ends, summary);
  return summary;
}

/// Why nothing can be said, or nothing.
struct NoSignal {
  std::string text;
  std::string reason;
};
std::optional<NoSignal> FindNoSignal(const MonitorSeries& series, const MonitorSummary& summary) {
  constexpr const char* kUninitialised = "monitor data not yet initialized";
  if (series.samples.empty()) return NoSignal{"no monitor samples", ""};
  std::size_t readings = 0;
  std::optional<std::uint64_t> clock;
  bool moved = false;
  for (const MonitorSample& sample : series.samples) {
    for (const CpuSample& reading : sample.cpus) {
      if (!Plausible(reading))
        return NoSignal{
            kUninitialised,
            fmt::format("CPU {} read as {} runnable and {} in its local DSQ at {} ms", reading.cpu,
                        reading.nr_running, reading.local_dsq_depth.value_or(0), sample.elapsed_ms)};
      ++readings;
      moved = moved || (clock && *clock != reading.rq_clock);
      clock = reading.rq_clock;
    }
  }
  if (readings == 0)
    return NoSignal{"no monitor samples",
                    fmt::format("all {} readings were torn or failed", summary.dropped)};
  if (readings > 1 && !moved)
    return NoSignal{kUninitialised, fmt::format("all {} readings have the rq clock {}", readings, *clock)};
  return std::nullopt;
}

}  // namespace

double ImbalanceOf(const MonitorSample& sample) {
  if (sample.cpus.empty()) return 1.0;
  const auto [least, most] = std::minmax_element(sample.cpus.begin(), sample.cpus.end(), ByRunning);
  return static_cast<double>(most->nr_running) / std::max<std::uint32_t>(1, least->nr_running);
}

MonitorJudgement JudgeMonitor(const MonitorSeries& series, const MonitorThresholds& thresholds) {
  MonitorJudgement judgement;
  judgement.summary = Summarise(series);
  if (auto none = FindNoSignal(series, judgement.summary)) {
    judgement.text = std::move(none->text);
    judgement.reason = std::move(none->reason);
    return judgement;
  }
  std::vector<std::string>& violations = judgement.violations;
  JudgeImbalance(series, thresholds, violations);
  JudgeDsqDepth(series, thresholds, violations);
  if (thresholds.rq_clock_stuck) judgement.summary.stuck = JudgeClocks(series, thresholds, violations);
  JudgeRate(series, kFallback, thresholds.fallback_rate, thresholds.sustained_samples, violations);
  JudgeRate(series, kKeepLast, thresholds.keep_last_rate, thresholds.sustained_samples, violations);
  const bool failed = !violations.empty() && thresholds.enforce;
  judgement.outcome = failed ? MonitorJudgement::Outcome::kFailed : MonitorJudgement::Outcome::kOk;
  judgement.text = failed ? fmt::format("monitor FAILED: {} violation(s)", violations.size()) : "monitor OK";
  if (!failed && series.full) {
    judgement.outcome = MonitorJudgement::Outcome::kInconclusive;
    judgement.text = "monitor full";
    judgement.reason = fmt::format("it kept the {} samples of the first {} ms and none of what followed",
                                   series.samples.size(), series.samples.back().elapsed_ms);
  }
  return judgement;
}

}  // namespace ktstr::vmm
