#include "interpreter/fold/metrics.h"

#include <algorithm>
#include <cmath>

#include "interpreter/fold/cgroup_totals.h"
#include "interpreter/fold/kernel_figures.h"

namespace ktstr {
namespace {

using Value = std::optional<double>;

// ---- one cgroup ----------------------------------------------------------------------------------------

Value Scaled(std::optional<std::uint64_t> value, double divisor) {
  if (!value) return std::nullopt;
  return static_cast<double>(*value) / divisor;
}
Value Ratio(double numerator, double denominator) {
  if (denominator == 0 || !std::isfinite(numerator / denominator)) return std::nullopt;
  return numerator / denominator;
}
Value Ratio(std::uint64_t numerator, std::uint64_t denominator) {
  return Ratio(static_cast<double>(numerator), static_cast<double>(denominator));
}
Value Counted(const CgroupTotals& c, std::uint64_t count) {
  if (c.workers == 0) return std::nullopt;
  return static_cast<double>(count);
}

/// A ratio of two percentiles says little about few iterations.
constexpr std::uint64_t kTailIterations = 100;

Value TailRatio(const Samples& samples, std::uint64_t iterations) {
  const auto p99 = samples.Percentile(990);
  const auto median = samples.Percentile(500);
  if (!p99 || !median || iterations < kTailIterations) return std::nullopt;
  return Ratio(*p99, *median);
}

Value WakeCv(const CgroupTotals& c) { return c.wake.Cv(); }
Value WakeTailRatio(const CgroupTotals& c) { return TailRatio(c.wake, c.iterations); }

template <Samples CgroupTotals::*Of, std::uint32_t kPermille>
Value PercentileUs(const CgroupTotals& c) {
  return Scaled((c.*Of).Percentile(kPermille), 1e3);
}

Value MeanUs(const std::vector<std::uint64_t>& values_ns) {
  double sum = 0;
  for (const std::uint64_t value : values_ns) sum += static_cast<double>(value);
  return Ratio(sum / 1e3, static_cast<double>(values_ns.size()));
}
Value MaxUs(const std::vector<std::uint64_t>& values_ns) {
  if (values_ns.empty()) return std::nullopt;
  return static_cast<double>(*std::max_element(values_ns.begin(), values_ns.end())) / 1e3;
}
Value MeanRunDelayUs(const CgroupTotals& c) { return MeanUs(c.run_delays_ns); }
Value MaxRunDelayUs(const CgroupTotals& c) { return MaxUs(c.run_delays_ns); }

Value AvgOffCpu(const CgroupTotals& c) {
  double sum = 0;
  for (const double pct : c.off_cpu_pct) sum += pct;
  return Ratio(sum, static_cast<double>(c.off_cpu_pct.size()));
}
Value MinOffCpu(const CgroupTotals& c) {
  if (c.off_cpu_pct.empty()) return std::nullopt;
  return *std::min_element(c.off_cpu_pct.begin(), c.off_cpu_pct.end());
}
Value MaxOffCpu(const CgroupTotals& c) {
  if (c.off_cpu_pct.empty()) return std::nullopt;
  return *std::max_element(c.off_cpu_pct.begin(), c.off_cpu_pct.end());
}
Value OffCpuSpread(const CgroupTotals& c) {
  if (c.off_cpu_pct.empty()) return std::nullopt;
  return *MaxOffCpu(c) - *MinOffCpu(c);
}

Value MigrationRatio(const CgroupTotals& c) { return Ratio(c.migrations, c.iterations); }
Value Migrations(const CgroupTotals& c) { return Counted(c, c.migrations); }
Value Iterations(const CgroupTotals& c) { return Counted(c, c.iterations); }
Value WorkUnits(const CgroupTotals& c) { return Counted(c, c.work_units); }
Value Refusals(const CgroupTotals& c) { return Scaled(c.refusals, 1); }
Value NumWorkers(const CgroupTotals& c) {
  if (c.workers + c.missing == 0) return std::nullopt;
  return static_cast<double>(c.workers);
}
Value NumCpus(const CgroupTotals& c) { return Counted(c, c.cpus_used.size()); }
Value IterationsPerWorker(const CgroupTotals& c) { return Ratio(c.iterations, c.workers); }
Value IterationsPerCpuSec(const CgroupTotals& c) {
  return Ratio(static_cast<double>(c.timed_iterations) * 1e9, static_cast<double>(c.cpu_time_ns));
}
Value CpuTimeNs(const CgroupTotals& c) {
  if (!c.cpu_time_measured) return std::nullopt;
  return static_cast<double>(c.cpu_time_ns);
}
Value MinWorkRate(const CgroupTotals& c) {
  if (c.work_rates.empty()) return std::nullopt;
  return *std::min_element(c.work_rates.begin(), c.work_rates.end());
}
Value ThroughputCv(const CgroupTotals& c) { return Cv(c.throughputs); }
Value MaxGapMs(const CgroupTotals& c) {
  if (!c.gap) return std::nullopt;
  return static_cast<double>(c.gap->ms);
}
Value PageLocality(const CgroupTotals& c) { return Ratio(c.local_pages, c.placed_pages); }
Value CrossNode(const CgroupTotals& c) { return Ratio(c.pages_migrated, c.pages); }

// ---- phases --------------------------------------------------------------------------------------------

double SecondsOf(const PhaseWindow& phase) {
  return static_cast<double>(phase.end_ns - phase.start_ns) / 1e9;
}

/// Whether the two marks of a phase tell how many iterations it had. With no worker alive and no advance
/// nobody was counting.
bool Counts(const PhaseWindow& phase) {
  return phase.started && phase.ended && phase.end_ns > phase.start_ns &&
         phase.iterations_end >= phase.iterations_start &&
         (phase.live_workers > 0 || phase.iterations_end > phase.iterations_start);
}

using Phases = std::span<const PhaseWindow* const>;

Value PhaseIterations(Phases phases) {
  Value sum;
  for (const PhaseWindow* phase : phases)
    if (Counts(*phase))
      sum = sum.value_or(0) + static_cast<double>(phase->iterations_end - phase->iterations_start);
  return sum;
}
Value PhaseSeconds(Phases phases) {
  Value sum;
  for (const PhaseWindow* phase : phases)
    if (Counts(*phase)) sum = sum.value_or(0) + SecondsOf(*phase);
  return sum;
}
Value IterationRate(Phases phases) {
  const Value iterations = PhaseIterations(phases);
  if (!iterations) return std::nullopt;
  return Ratio(*iterations, *PhaseSeconds(phases));
}

// ---- the run -------------------------------------------------------------------------------------------

template <Value (*Of)(const CgroupTotals&)>
Value Highest(const RunTotals& run) {
  Value worst;
  for (const CgroupTotals& c : run.cgroups)
    if (const Value value = Of(c); value && (!worst || *value > *worst)) worst = value;
  return worst;
}
template <Value (*Of)(const CgroupTotals&)>
Value Lowest(const RunTotals& run) {
  Value worst;
  for (const CgroupTotals& c : run.cgroups)
    if (const Value value = Of(c); value && (!worst || *value < *worst)) worst = value;
  return worst;
}
template <Value (*Of)(const CgroupTotals&)>
Value Sum(const RunTotals& run) {
  Value sum;
  for (const CgroupTotals& c : run.cgroups)
    if (const Value value = Of(c)) sum = sum.value_or(0) + *value;
  return sum;
}
Value RunIterationsPerCpuSec(const RunTotals& run) {
  double iterations = 0;
  double cpu_ns = 0;
  for (const CgroupTotals& c : run.cgroups) {
    iterations += static_cast<double>(c.timed_iterations);
    cpu_ns += static_cast<double>(c.cpu_time_ns);
  }
  return Ratio(iterations * 1e9, cpu_ns);
}
Value TotalCpuTimeSec(const RunTotals& run) {
  const Value ns = Sum<CpuTimeNs>(run);
  if (!ns) return std::nullopt;
  return *ns / 1e9;
}
Value BalanceRatio(const RunTotals& run) {
  const auto measured = std::count_if(run.cgroups.begin(), run.cgroups.end(), [](const CgroupTotals& c) {
    return IterationsPerWorker(c).has_value();
  });
  if (measured < 2) return std::nullopt;
  return Ratio(*Highest<IterationsPerWorker>(run), *Lowest<IterationsPerWorker>(run));
}

// ---- the table -----------------------------------------------------------------------------------------

constexpr Polarity kInfo = Polarity::kInfo;
constexpr Polarity kLower = Polarity::kLower;
constexpr Polarity kHigher = Polarity::kHigher;
constexpr double kNoEnd = std::numeric_limits<double>::infinity();

constexpr MetricDecl Row(std::string_view name, std::string_view unit, Polarity better,
                         Value (*of)(const CgroupTotals&), std::string_view doc) {
  return {.name = name, .doc = doc, .unit = unit, .better = better, .scope = Scope::kCgroup, .of_cgroup = of};
}
constexpr MetricDecl Row(std::string_view name, std::string_view unit, Polarity better, Value (*of)(Phases),
                         std::string_view doc) {
  return {.name = name, .doc = doc, .unit = unit, .better = better, .scope = Scope::kPhase, .of_phases = of};
}
constexpr MetricDecl Row(std::string_view name, std::string_view unit, Polarity better,
                         Value (*of)(const RunTotals&), std::string_view doc) {
  return {.name = name, .doc = doc, .unit = unit, .better = better, .scope = Scope::kRun, .of_run = of};
}

constexpr MetricDecl From(Needs needs, MetricDecl metric) {
  metric.needs = needs;
  return metric;
}
/// A row of what the kernel counted.
constexpr MetricDecl OfKernel(std::string_view name, std::string_view unit, Polarity better,
                              Value (*of)(const CgroupTotals&), std::string_view doc) {
  return From(Needs::kCgroup, Row(name, unit, better, of, doc));
}
constexpr MetricDecl Within(double lowest, double highest, MetricDecl metric) {
  metric.lowest = lowest;
  metric.highest = highest;
  return metric;
}

constexpr MetricDecl kMetrics[] = {
    Row("max_gap_ms", "ms", kLower, &MaxGapMs,
        "The longest time a worker did not get from one checkpoint to the next."),
    From(Needs::kWakeSamples,
         Row("median_wake_latency_us", "us", kLower, &PercentileUs<&CgroupTotals::wake, 500>,
             "Median wake-up latency, for work types that measure it.")),
    From(Needs::kWakeSamples,
         Row("p99_wake_latency_us", "us", kLower, &PercentileUs<&CgroupTotals::wake, 990>,
             "99th percentile of the wake-up latency.")),
    From(Needs::kWakeSamples,
         Row("wake_latency_cv", "", kLower, &WakeCv,
             "Standard deviation over mean of the wake-up latency; needs two observations.")),
    Within(1, kNoEnd,
           From(Needs::kWakeSamples,
                Row("wake_latency_tail_ratio", "x", kLower, &WakeTailRatio,
                    "99th percentile over median of the wake-up latency; needs 100 iterations."))),
    From(Needs::kTimerSamples,
         Row("median_timer_latency_us", "us", kLower, &PercentileUs<&CgroupTotals::timer, 500>,
             "Median latency of a timer's expiry.")),
    From(Needs::kTimerSamples,
         Row("p99_timer_latency_us", "us", kLower, &PercentileUs<&CgroupTotals::timer, 990>,
             "99th percentile of the timer latency.")),
    From(Needs::kTimerSamples,
         Row("p999_timer_latency_us", "us", kLower, &PercentileUs<&CgroupTotals::timer, 999>,
             "99.9th percentile of the timer latency.")),
    From(Needs::kTimerSamples,
         Row("max_timer_latency_us", "us", kLower, &PercentileUs<&CgroupTotals::timer, 1000>,
             "The largest timer latency kept.")),
    From(Needs::kIterationCosts,
         Row("median_iteration_cost_us", "us", kLower, &PercentileUs<&CgroupTotals::iteration_cost, 500>,
             "Median time of one iteration, for work types that measure it; per phase only of step-local "
             "workers.")),
    From(Needs::kIterationCosts,
         Row("p99_iteration_cost_us", "us", kLower, &PercentileUs<&CgroupTotals::iteration_cost, 990>,
             "99th percentile of the time of one iteration.")),
    Row("mean_run_delay_us", "us", kLower, &MeanRunDelayUs,
        "Time spent runnable but not running (schedstat), mean over workers."),
    Row("max_run_delay_us", "us", kLower, &MaxRunDelayUs,
        "Time spent runnable but not running, of the worker with most."),
    Within(
        0, 100,
        Row("avg_off_cpu_pct", "%", kLower, &AvgOffCpu, "Share of the time off a CPU, mean over workers.")),
    Within(0, 100,
           Row("min_off_cpu_pct", "%", kLower, &MinOffCpu,
               "Share of the time off a CPU, of the worker with least.")),
    Within(0, 100,
           Row("max_off_cpu_pct", "%", kLower, &MaxOffCpu,
               "Share of the time off a CPU, of the worker with most.")),
    Within(0, 100,
           Row("off_cpu_spread_pct", "%", kLower, &OffCpuSpread,
               "Unfairness: the largest minus the smallest off-CPU share of the workers.")),
    Row("iterations", "", kHigher, &Iterations, "Outer loops of all workers."),
    Row("iterations_per_worker", "", kHigher, &IterationsPerWorker,
        "Outer loops, mean over workers that reported."),
    Row("iterations_per_cpu_sec", "iter/cpu-s", kHigher, &IterationsPerCpuSec,
        "Outer loops per second of CPU time (schedstat)."),
    Row("work_units", "", kHigher, &WorkUnits, "Work steps of all workers."),
    Row("min_work_rate", "units/cpu-s", kHigher, &MinWorkRate,
        "Work steps per second of thread CPU time, of the slowest worker."),
    Row("refusals", "", kInfo, &Refusals,
        "Calls that the kernel refused where the work expects that: moves of tasks that have ended or been "
        "moved, frames for a full queue."),
    Row("throughput_cv", "", kLower, &ThroughputCv,
        "Standard deviation over mean of the workers' work steps per second, on a CPU or not; needs two "
        "workers."),
    Row("migrations", "", kInfo, &Migrations, "Moves between CPUs, seen at checkpoints."),
    Row("migration_ratio", "", kLower, &MigrationRatio, "Migrations per iteration."),
    Row("cpu_time_ns", "ns", kInfo, &CpuTimeNs, "CPU time of all workers (schedstat)."),
    Within(0, 1,
           From(Needs::kCpuset, Row("page_locality", "", kHigher, &PageLocality,
                                    "Share of the workers' pages that lie on the NUMA nodes of their CPUs; "
                                    "only with a cpuset."))),
    Row("cross_node_migration_ratio", "", kLower, &CrossNode,
        "Pages the system moved between nodes, per page of the workers."),
    OfKernel("cgroup_cpu_time_ms", "ms", kInfo, &Figure<&CgroupFigures::cpu_time_us, 1000>,
             "CPU time of all tasks of the cgroup: workers, payloads and what they started (cpu.stat)."),
    OfKernel("throttled_ms", "ms", kLower, &Figure<&CgroupFigures::throttled_us, 1000>,
             "Time for which cpu.max held the cgroup back, over all its CPUs (cpu.stat)."),
    OfKernel("throttled_periods", "", kLower, &Figure<&CgroupFigures::throttled_periods>,
             "Periods of cpu.max in which the cgroup was held back (cpu.stat)."),
    Within(0, 100,
           OfKernel(
               "throttled_pct", "%", kLower, &ThrottledPct,
               "Share of the periods of cpu.max with work in which the cgroup was held back (cpu.stat).")),
    OfKernel("cpu_pressure_ms", "ms", kLower, &Figure<&CgroupFigures::cpu_pressure_us, 1000>,
             "Time in which some task of the cgroup waited for a CPU (PSI)."),
    Within(0, 100,
           OfKernel("cpu_pressure_pct", "%", kLower, &CpuPressurePct,
                    "Share of the time in which some task of the cgroup waited for a CPU (PSI).")),
    OfKernel("memory_pressure_ms", "ms", kLower, &Figure<&CgroupFigures::memory_pressure_us, 1000>,
             "Time in which some task of the cgroup waited for memory (PSI)."),
    OfKernel("io_pressure_ms", "ms", kLower, &Figure<&CgroupFigures::io_pressure_us, 1000>,
             "Time in which some task of the cgroup waited for a disk (PSI)."),
    OfKernel("oom_kills", "", kLower, &Figure<&CgroupFigures::oom_kills>,
             "Tasks that were killed because memory.max left no memory; only with a memory limit."),
    OfKernel("refused_forks", "", kLower, &Figure<&CgroupFigures::refused_forks>,
             "Forks that pids.max refused; only with that limit."),
    Row("num_workers", "", kInfo, &NumWorkers, "Workers that reported."),
    Row("num_cpus", "", kInfo, &NumCpus, "Different CPUs the workers were seen on."),

    Row("iteration_rate", "iter/s", kHigher, &IterationRate, "Outer loops of all workers per second."),
    Row("total_phase_iterations", "", kHigher, &PhaseIterations, "Outer loops of all workers in the phase."),
    Row("total_phase_duration_sec", "s", kInfo, &PhaseSeconds,
        "Length of the phase, where its iterations were counted."),

    Row("total_workers", "", kInfo, &Sum<NumWorkers>, "Workers that reported."),
    Row("total_iterations", "", kHigher, &Sum<Iterations>, "Outer loops of all workers."),
    Row("total_migrations", "", kLower, &Sum<Migrations>, "Migrations of all workers."),
    Row("total_cpu_time_sec", "s", kInfo, &TotalCpuTimeSec, "CPU time of all workers (schedstat)."),
    Row("total_iterations_per_cpu_sec", "iter/cpu-s", kHigher, &RunIterationsPerCpuSec,
        "Outer loops of all workers per second of their CPU time."),
    Row("worst_gap_ms", "ms", kLower, &Highest<MaxGapMs>, "max_gap_ms of the cgroup with the largest."),
    Within(0, 100,
           Row("worst_spread", "%", kLower, &Highest<OffCpuSpread>,
               "off_cpu_spread_pct of the cgroup with the largest.")),
    Row("worst_migration_ratio", "", kLower, &Highest<MigrationRatio>,
        "migration_ratio of the cgroup with the largest."),
    Row("worst_iterations_per_worker", "", kHigher, &Lowest<IterationsPerWorker>,
        "iterations_per_worker of the cgroup with the smallest."),
    Row("worst_iterations_per_cpu_sec", "iter/cpu-s", kHigher, &Lowest<IterationsPerCpuSec>,
        "iterations_per_cpu_sec of the cgroup with the smallest."),
    Within(0, 1,
           From(Needs::kCpuset, Row("worst_page_locality", "", kHigher, &Lowest<PageLocality>,
                                    "page_locality of the cgroup with the smallest."))),
    Row("worst_cross_node_migration_ratio", "", kLower, &Highest<CrossNode>,
        "cross_node_migration_ratio of the cgroup with the largest."),
    Within(1, kNoEnd,
           From(Needs::kTwoCgroups,
                Row("cgroup_balance_ratio", "x", kLower, &BalanceRatio,
                    "Largest over smallest iterations_per_worker of the cgroups; needs two."))),
    From(Needs::kWakeSamples,
         Row("worst_median_wake_latency_us", "us", kLower, &Highest<PercentileUs<&CgroupTotals::wake, 500>>,
             "median_wake_latency_us of the cgroup with the largest, over all its phases.")),
    From(Needs::kWakeSamples,
         Row("worst_p99_wake_latency_us", "us", kLower, &Highest<PercentileUs<&CgroupTotals::wake, 990>>,
             "p99_wake_latency_us of the cgroup with the largest, over all its phases.")),
    From(Needs::kWakeSamples, Row("worst_wake_latency_cv", "", kLower, &Highest<WakeCv>,
                                  "wake_latency_cv of the cgroup with the largest, over all its phases.")),
    Within(1, kNoEnd,
           From(Needs::kWakeSamples,
                Row("worst_wake_latency_tail_ratio", "x", kLower, &Highest<WakeTailRatio>,
                    "wake_latency_tail_ratio of the cgroup with the largest, over all its phases."))),
    From(Needs::kTimerSamples,
         Row("worst_median_timer_latency_us", "us", kLower, &Highest<PercentileUs<&CgroupTotals::timer, 500>>,
             "median_timer_latency_us of the cgroup with the largest, over all its phases.")),
    From(Needs::kTimerSamples,
         Row("worst_p99_timer_latency_us", "us", kLower, &Highest<PercentileUs<&CgroupTotals::timer, 990>>,
             "p99_timer_latency_us of the cgroup with the largest, over all its phases.")),
    From(Needs::kTimerSamples,
         Row("worst_p999_timer_latency_us", "us", kLower, &Highest<PercentileUs<&CgroupTotals::timer, 999>>,
             "p999_timer_latency_us of the cgroup with the largest, over all its phases.")),
    From(Needs::kTimerSamples,
         Row("worst_timer_latency_us", "us", kLower, &Highest<PercentileUs<&CgroupTotals::timer, 1000>>,
             "max_timer_latency_us of the cgroup with the largest, over all its phases.")),
    Row("worst_mean_run_delay_us", "us", kLower, &Highest<MeanRunDelayUs>,
        "mean_run_delay_us of the cgroup with the largest, over all its phases."),
    Row("worst_run_delay_us", "us", kLower, &Highest<MaxRunDelayUs>,
        "max_run_delay_us of the cgroup with the largest, over all its phases."),
};

}  // namespace

std::span<const MetricDecl> AllMetrics() { return kMetrics; }

bool IsLatency(const MetricDecl& metric) {
  const bool duration = metric.unit == "us" || metric.unit == "ms";
  const bool ratio = metric.name.find("_latency_") != std::string_view::npos;
  return metric.better == Polarity::kLower && (duration || ratio);
}

bool IsThroughput(const MetricDecl& metric) {
  return metric.better == Polarity::kHigher && metric.name.find("locality") == std::string_view::npos;
}

}  // namespace ktstr
