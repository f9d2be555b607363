#include "interpreter/run/report_contradictions.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

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

std::string MeasureFault(const Measures& m, const ReportBounds& bounds, std::size_t most_samples) {
  for (const std::uint32_t cpu : m.cpus_used)
    if (cpu >= bounds.cpus) return fmt::format("it ran on CPU {} of {}", cpu, bounds.cpus);
  return SampleFault(m, most_samples);
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
  return SliceFault(report, bounds);
}

}  // namespace ktstr
