// What a run left behind (RunRecord, the input of fold and judge) and what is made of it (Stats). Plain data;
// everything is declared, so it can be printed as JSON and explained.
//
// Phases are numbered as in the guest: 0 is BASELINE (before the first step), 1..N are the
// steps. Times ending in _ns are guest time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/decl.h"
#include "guest-init/base/units.h"
#include "guest-init/wire/messages.h"
#include "guest-init/wire/report.h"
#include "interpreter/fold/kernel_log.h"
#include "interpreter/fold/payload_metrics.h"
#include "interpreter/fold/scheduler_record.h"

namespace ktstr {

/// The name of phase 0.
inline constexpr std::string_view kBaselinePhase = "BASELINE";

// ---- what a run left behind --------------------------------------------------------------------------

/// One phase: its two PhaseMarks. The plan lists all phases, so that one which was not reached is known too.
struct PhaseWindow {
  std::uint32_t index = 0;
  std::string name;
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  /// PhaseMark.total_iterations at both ends. Workers collected in between must still be counted in the
  /// second; when it is below the first, the phase has no iteration rate.
  std::uint64_t iterations_start = 0;
  std::uint64_t iterations_end = 0;
  std::uint32_t live_workers = 0;  // at the end
  bool started = false;
  bool ended = false;
  static const StructDecl& Decl();
};

/// One MoveWorkers request, as one group saw it.
struct GroupMove {
  std::string cgroup;       // where to
  std::uint64_t at_ns = 0;  // guest clock; slices that begin later were lived there
  static const StructDecl& Decl();
};

/// One StartWorkers request.
struct WorkerGroup {
  std::uint32_t id = 0;
  std::string cgroup;                 // that it was started in; "" is the runner's own
  std::vector<GroupMove> moves = {};  // in order
  std::string name;                   // "": it has none
  std::string work_type;
  std::uint32_t group_idx = 0;
  std::uint32_t expected = 0;     // workers started
  bool backdrop = false;          // it lived across steps; else it belongs to the phase it was started in
  std::uint32_t first_phase = 0;  // the phase it was started in
  /// Every CPU its workers were allowed on at some time of their lives; none: they were not restricted.
  std::optional<CpuSet> allowed;
  std::string policy = "normal";  // for people: "FIFO 50", "nice 5"
  bool may_be_killed = false;     // the scenario kills its workers: a report that is missing is not an error
  static const StructDecl& Decl();
};

/// A WorkerDone event. Sentinels (completed = false) are kept: they say how the worker ended.
struct CollectedReport {
  std::uint32_t group = 0;
  WorkerReport report;
  static const StructDecl& Decl();
};

inline constexpr std::size_t kKeptStderr = std::size_t{4} << 10;
/// One finalised payload, in the order of finalisation.
struct PayloadResult {
  std::string name;         // the scenario's name for the payload
  std::string cgroup;       // "": the runner's own
  std::uint32_t phase = 0;  // that it was started in
  PayloadDone done;
  std::string stderr_text;  // its end, at most kKeptStderr bytes; the output itself is in the run directory
  PayloadMetrics metrics;   // of all that it printed
  static const StructDecl& Decl();
};

struct RunRecord {
  std::vector<PhaseWindow> phases;  // rising indexes
  std::vector<WorkerGroup> groups;
  std::vector<CollectedReport> reports;
  std::vector<CgroupFigures> cgroup_figures;  // one of each cgroup and phase, or the time between phases
  std::vector<PayloadResult> payloads;
  std::vector<SchedulerRecord> schedulers;  // in the order in which they were attached
  std::vector<QueuedTask> queued_tasks;     // of all that sched_ext dumped
  KernelLogRecord kernel_log;
  std::uint32_t online_cpus = 0;
  std::vector<std::uint32_t> node_of_cpu;  // by CPU number; CPUs beyond it are on node 0
  static const StructDecl& Decl();
};

/// How messages call a worker: "hot/3" ("runner/3" outside all cgroups); "hot/feeder/3" when its group has a
/// name; "hot/Bursty/3" when several groups share the cgroup, and "hot/Bursty#7/3" when several of them even
/// have the same work type (7 is the group's id).
std::string WorkerName(const RunRecord& record, const WorkerGroup& group, std::uint32_t index);

/// The record as it would be if only the groups of this name had run: what `group:` of a check selects.
RunRecord OnlyGroupsNamed(const RunRecord& record, std::string_view name);

// ---- what is made of it ------------------------------------------------------------------------------

/// The workers of one cgroup, in one phase or over their whole lives.
///
/// One row per cgroup NAME: all worker groups that ran in it are folded together. If only rows per group were
/// there a cgroup with two work entries would have two, and "worst cgroup" would compare halves.
struct CgroupStats {
  std::string cgroup;
  std::string group;                  // of a row of named work groups: that name; "" in a cgroup's own row
  std::uint32_t num_workers = 0;      // that reported
  std::uint32_t missing_workers = 0;  // that should have reported but did not; their numbers are not in here
  CpuSet cpus_used;
  std::string
      max_gap_worker;  // the worker that max_gap_ms is about, and the CPU it was seen on; with metrics
  std::uint32_t max_gap_cpu = 0;
  std::uint64_t max_gap_throttled_ms = 0;  // of that gap, at most: its cgroup was throttled by cpu.max
  bool stripped = false;                   // a worker's samples were dropped to fit the report into a frame
  NamedMap<double> metrics;                // Scope::kCgroup metrics; one without data is absent, never 0
  static const StructDecl& Decl();
};

struct PhaseBucket {
  std::uint32_t index = 0;  // 0 BASELINE, k the k-th step
  std::string label;
  std::uint64_t start_ms = 0;  // since the start of the first phase
  std::optional<std::uint64_t> end_ms;
  NamedMap<double> metrics;  // Scope::kPhase
  std::vector<CgroupStats> per_cgroup;
  std::vector<CgroupStats> per_group;  // as Stats::groups
  static const StructDecl& Decl();

  [[nodiscard]] const CgroupStats* Find(std::string_view cgroup) const;
};

struct Stats {
  std::vector<PhaseBucket> phases;   // rising indexes; phases that did not start are absent
  std::vector<CgroupStats> cgroups;  // whole lives, from the reports as such; in order of first use
  /// The work groups that have a name, each name by itself, in order of first use: what `group:` of a check
  /// looks at. Their workers are in their cgroups' rows, too.
  std::vector<CgroupStats> groups;
  NamedMap<double> metrics;  // Scope::kRun, and Scope::kPhase over all steps
  static const StructDecl& Decl();

  [[nodiscard]] const PhaseBucket* FindPhase(std::string_view label) const;
  [[nodiscard]] const CgroupStats* FindCgroup(std::string_view cgroup) const;
};

}  // namespace ktstr
