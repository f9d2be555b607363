// What a worker measured: the WorkerReport, the unit of telemetry. Units are in the names; times are guest
// time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/decl.h"

namespace ktstr {

inline constexpr std::size_t kReportSamples = 100'000;  // reservoir size of a whole run
inline constexpr std::size_t kPhaseSamples = 8192;      // reservoir size of one phase slice

/// Phase epochs as workers see them: 0 before the first step, 1..N the steps, kBetweenPhases in the gaps.
inline constexpr std::uint32_t kBetweenPhases = 0xffffffff;

/// How a worker ended that left no report.
enum class ExitKind : std::uint8_t { kExited, kSignaled, kTimedOut, kWaitFailed };
inline constexpr EnumValue kExitKinds[] = {{"exited", 0, "It exited with the code given."},
                                           {"signaled", 1, "A signal ended it."},
                                           {"timed_out", 2, "It did not stop in time and was killed."},
                                           {"wait_failed", 3, "It could not be reaped."}};
constexpr EnumDecl DescribeEnum(ExitKind) { return {"ExitKind", kExitKinds, nullptr, nullptr}; }

struct ExitInfo {
  ExitKind kind = ExitKind::kExited;
  std::int32_t code = 0;  // exit code or signal number
  std::string text;       // for people: what was received instead of a report
  static const StructDecl& Decl();
};

struct Migration {
  std::uint64_t at_ns = 0;  // since the worker's start
  std::uint32_t from_cpu = 0;
  std::uint32_t to_cpu = 0;
  static const StructDecl& Decl();
};

/// Pages of the worker's memory on one NUMA node.
struct NodePages {
  std::uint32_t node = 0;
  std::uint64_t pages = 0;
  static const StructDecl& Decl();
};

/// Counters and samples that exist both for a whole run and for one phase of it.
struct PhaseSlice {
  std::uint32_t phase_epoch = 0;
  std::vector<std::uint32_t> cpus_used;
  std::vector<std::uint64_t> wake_latencies_ns;  // reservoir of kPhaseSamples
  std::uint64_t wake_sample_total = 0;
  std::vector<std::uint64_t> timer_latencies_ns;
  std::uint64_t timer_sample_total = 0;
  std::uint64_t run_delay_ns = 0;
  std::uint64_t off_cpu_ns = 0;
  std::uint64_t wall_ns = 0;
  std::uint64_t migration_count = 0;
  std::uint64_t iterations = 0;
  std::uint64_t work_units = 0;
  std::uint64_t schedstat_cpu_time_ns = 0;
  std::vector<NodePages> numa_pages;
  std::uint64_t vmstat_numa_pages_migrated = 0;
  std::uint64_t max_gap_ms = 0;
  std::uint32_t max_gap_cpu = 0;
  static const StructDecl& Decl();
};

struct WorkerReport {
  std::int32_t tid = 0;
  std::uint32_t index = 0;  // position in its group, 0-based
  std::uint64_t work_units = 0;
  std::uint64_t cpu_time_ns = 0;
  std::uint64_t wall_time_ns = 0;
  std::uint64_t off_cpu_ns = 0;
  std::uint64_t migration_count = 0;
  std::vector<Migration> migrations;  // the first 4096
  std::vector<std::uint32_t> cpus_used;
  std::uint64_t max_gap_ms = 0;
  std::uint32_t max_gap_cpu = 0;
  std::uint64_t max_gap_at_ms = 0;
  std::vector<std::uint64_t> wake_latencies_ns;
  std::uint64_t wake_sample_total = 0;
  std::vector<std::uint64_t> timer_latencies_ns;
  std::uint64_t timer_sample_total = 0;
  std::vector<std::uint64_t> iteration_costs_ns;
  std::uint64_t iteration_cost_sample_total = 0;
  std::uint64_t iterations = 0;
  bool schedstat_available = false;  // when false the three fields below mean nothing
  std::uint64_t schedstat_cpu_time_ns = 0;
  std::uint64_t schedstat_run_delay_ns = 0;
  std::uint64_t schedstat_run_count = 0;
  bool completed = false;  // false only on sentinels: the worker sent no valid report
  std::vector<NodePages> numa_pages;
  std::uint64_t vmstat_numa_pages_migrated = 0;  // system-wide
  std::optional<ExitInfo> exit_info;             // sentinels only
  bool is_messenger = false;
  std::uint32_t group_idx = 0;
  std::string affinity_error;
  std::string sched_policy_error;
  std::vector<PhaseSlice> phase_slices;
  bool stripped = false;  // raw samples were dropped to fit the report into a frame
  static const StructDecl& Decl();
};

}  // namespace ktstr
