#include "interpreter/run/report_contradictions.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "workloads/worker/telemetry.h"

namespace ktstr {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

/// "" when all of a measure's samples were among the observations.
std::string SampleFault(const Measures& m, std::size_t most) {
  const auto impossible = [&](const std::vector<std::uint64_t>& samples, std::uint64_t total) {
    return samples.size() > total || samples.size() > most;
  };
  if (impossible(m.wake_latencies_ns, m.wake_sample_total) ||
      impossible(m.timer_latencies_ns, m.timer_sample_total) ||
      impossible(m.iteration_costs_ns, m.iteration_cost_sample_total))
    return "it has more samples than observations";
  return "";
}

std::string CpuFault(const std::vector<std::uint32_t>& cpus, const char* what, const ReportBounds& bounds) {
  for (const std::uint32_t cpu : cpus)
    if (cpu >= bounds.cpus) return fmt::format("{} CPU {} of {}", what, cpu, bounds.cpus);
  return cpus.size() > bounds.cpus ? fmt::format("{} more CPUs than there are", what) : "";
}

std::string MeasureFault(const Measures& m, const ReportBounds& bounds, std::size_t most_samples) {
  std::string fault = CpuFault(m.cpus_used, "it ran on", bounds);
  return fault.empty() ? SampleFault(m, most_samples) : fault;
}

std::string MigrationFault(const WorkerReport& report, const ReportBounds& bounds) {
  if (report.migrations.size() > kMaxMigrations) return "it tells of more migrations than are kept";
  for (const Migration& move : report.migrations)
    if (move.from_cpu >= bounds.cpus || move.to_cpu >= bounds.cpus)
      return fmt::format("it went from CPU {} to {} of {}", move.from_cpu, move.to_cpu, bounds.cpus);
  return "";
}

/// The slices follow each other from the worker's creation to its end.
std::string SliceFault(const WorkerReport& report, const ReportBounds& bounds) {
  std::uint64_t at = report.created_ns;
  std::uint64_t iterations = 0;
  for (const PhaseSlice& slice : report.phase_slices) {
    if (slice.phase != kBetweenPhases && slice.phase >= bounds.phases)
      return fmt::format("it was in phase {} of {}", slice.phase, bounds.phases);
    if (slice.begin_ns < at) return "its slices overlap";
    if (slice.begin_ns > at) return "its slices have gaps";
    if (slice.wall_ns > kMost - at) return "its times overflow";
    at += slice.wall_ns;
    if (slice.iterations > kMost - iterations) return "its counts overflow";
    iterations += slice.iterations;
    if (std::string fault = MeasureFault(slice, bounds, kPhaseSamples); !fault.empty()) return fault;
    for (const auto* cpus : {&slice.cpus_allowed, &slice.cpus_outside, &slice.outside_of, &slice.cpus_let_in})
      if (std::string fault = CpuFault(*cpus, "its cpusets have", bounds); !fault.empty()) return fault;
  }
  if (report.phase_slices.empty()) return "";
  if (at != report.created_ns + report.wall_ns) return "its slices are not as long as its life";
  if (iterations > report.iterations) return "its slices have more iterations than its life";
  return "";
}

}  // namespace

std::string ContradictionIn(const WorkerReport& report, const ReportBounds& bounds) {
  if (report.wall_ns > kMost - report.created_ns) return "its times overflow";
  if (std::string fault = MeasureFault(report, bounds, kReportSamples); !fault.empty()) return fault;
  if (std::string fault = MigrationFault(report, bounds); !fault.empty()) return fault;
  return SliceFault(report, bounds);
}

}  // namespace ktstr
