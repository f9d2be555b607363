// What a worker measured: the WorkerReport, the unit of telemetry. Units are in the names; times are guest
// time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/decl.h"

namespace ktstr {

inline constexpr std::size_t kReportSamples = 100'000;  // reservoir size of a whole life
inline constexpr std::size_t kPhaseSamples = 8192;      // reservoir size of one phase slice

/// Phases as workers see them: 0 is BASELINE, 1..N are the steps, and this is the time between two of them.
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
  std::uint64_t at_ns = 0;  // since the worker's creation
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

/// What a task is about, by the kernel's account (the letter in /proc/PID/stat).
enum class TaskState : std::uint8_t { kUnknown, kRunnable, kSleeping, kBlocked, kStopped, kDead };
inline constexpr EnumValue kTaskStates[] = {{"unknown", 0, "It could not be read."},
                                            {"runnable", 1, "R: it runs, or waits for a CPU."},
                                            {"sleeping", 2, "S: it waits for an event."},
                                            {"blocked", 3, "D: it waits and cannot be interrupted."},
                                            {"stopped", 4, "T: a signal or a tracer stopped it."},
                                            {"dead", 5, "Z or X: it has ended."}};
constexpr EnumDecl DescribeEnum(TaskState) { return {"TaskState", kTaskStates, nullptr, nullptr}; }

/// What a worker did and what happened to it: over its whole life in a WorkerReport, in one phase in a
/// PhaseSlice. The slices of a life add up to it. A new measure is a member here, its row in report.cpp, and
/// the place where it is measured (workloads/worker/telemetry.cpp).
struct Measures {
  std::uint64_t wall_ns = 0;
  std::uint64_t cpu_time_ns = 0;  // by the thread's CPU clock
  std::uint64_t off_cpu_ns = 0;   // the rest of wall_ns
  std::uint64_t work_units = 0;
  std::uint64_t iterations = 0;  // completed in it
  std::uint64_t migration_count = 0;
  std::vector<std::uint32_t> cpus_used;
  /// The longest time without progress while not blocked by its own wish; of a gap that spans phase marks the
  /// part inside the phase. It may have begun before and may go on after it.
  std::uint64_t max_gap_ms = 0;
  std::uint32_t max_gap_cpu = 0;
  std::uint64_t max_gap_at_ms = 0;         // when it ended, since the worker's creation
  std::uint64_t max_gap_run_delay_ms = 0;  // how much of it at most the task was runnable and did not run
  std::vector<std::uint64_t> wake_latencies_ns;
  std::uint64_t wake_sample_total = 0;
  std::vector<std::uint64_t> timer_latencies_ns;
  std::uint64_t timer_sample_total = 0;
  std::vector<std::uint64_t> iteration_costs_ns;
  std::uint64_t iteration_cost_sample_total = 0;
  // The kernel's account; all 0 when the report says that there is no schedstat.
  std::uint64_t schedstat_cpu_time_ns = 0;
  std::uint64_t run_delay_ns = 0;  // runnable without running, a wait that still goes on included
  std::uint64_t run_count = 0;
  // What its cgroup was kept from; 0 when nothing of the kind was asked for.
  std::uint64_t frozen_ns = 0;
  std::uint64_t throttled_ns = 0;  // by cpu.max, here or above; at most
  /// How long nothing at all ran in the guest: the host had stopped the machine, or had no CPU for it.
  std::uint64_t machine_stopped_ns = 0;
  std::vector<NodePages> numa_pages;
  std::uint64_t vmstat_numa_pages_migrated = 0;  // system-wide
  /// Calls that the kernel refused where the work type expects it and goes on; none: it expects none.
  std::optional<std::uint64_t> refusals;

  /// Adds what was measured in the time right after.
  void Append(const Measures& later);
};

/// A worker in one phase, or in the gap between two. Its reservoirs hold kPhaseSamples.
struct PhaseSlice : Measures {
  std::uint32_t phase = 0;     // or kBetweenPhases
  std::uint64_t begin_ns = 0;  // guest clock; it ends wall_ns later
  // What the kernel said of the task at the end of the slice.
  TaskState state = TaskState::kUnknown;
  std::uint32_t cpu = 0;         // where it runs, or ran last
  std::uint64_t waiting_ns = 0;  // for so long, possibly since before the slice, runnable without running
  // For isolation: its cgroup's effective cpuset at the end (empty: none could be read); those of cpus_used
  // that were outside the set that was in force when it was seen there, and the first set it left so; and
  // those that the kernel let in by itself during the slice, of which the worker may not have known.
  std::vector<std::uint32_t> cpus_allowed;
  std::vector<std::uint32_t> cpus_outside;
  std::vector<std::uint32_t> outside_of;
  std::vector<std::uint32_t> cpus_let_in;
  static const StructDecl& Decl();
};

/// A worker from its creation (the fork) to its end. Its reservoirs hold kReportSamples.
struct WorkerReport : Measures {
  std::int32_t tid = 0;
  std::uint32_t index = 0;            // position in its group, 0-based
  std::uint64_t created_ns = 0;       // guest clock; its life ends wall_ns later
  std::vector<Migration> migrations;  // the first 4096
  bool schedstat_available = false;
  /// False on sentinels: the worker sent no valid report, and what is here is what PID 1 and the kernel know
  /// of it.
  bool completed = false;
  std::optional<ExitInfo> exit_info;  // sentinels only
  bool is_messenger = false;
  std::uint32_t group_idx = 0;
  // What could not be set up as asked for; empty: it could, or nothing was asked for.
  std::string affinity_error;
  std::string sched_policy_error;
  std::string nice_error;
  std::string gid_error;
  std::string uid_error;
  /// The call that failed, and how, so that it could not go on with its work; empty: it could.
  std::string work_error;
  std::string storage;                   // what its I/O went to, one line for people; empty: it did none
  std::string network;                   // the same of its frames
  std::vector<PhaseSlice> phase_slices;  // without gaps from its creation to its end
  bool stripped = false;                 // raw samples were dropped to fit the report into a frame
  static const StructDecl& Decl();
};

}  // namespace ktstr
