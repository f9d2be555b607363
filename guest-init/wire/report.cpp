#include "guest-init/wire/report.h"

namespace ktstr {

const StructDecl& ExitInfo::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&ExitInfo::kind>("kind", ""),
      Required<&ExitInfo::code>("code", "exit code or signal number"),
      Required<&ExitInfo::text>("text", "for people: what was received instead of a report"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<ExitInfo>("ExitInfo", "", kFields);
  return kDecl;
}

const StructDecl& Migration::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Migration::at_ns>("at_ns", "since the worker's start"),
      Required<&Migration::from_cpu>("from_cpu", ""),
      Required<&Migration::to_cpu>("to_cpu", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Migration>("Migration", "", kFields);
  return kDecl;
}

const StructDecl& NodePages::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&NodePages::node>("node", ""),
      Required<&NodePages::pages>("pages", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<NodePages>("NodePages", "", kFields);
  return kDecl;
}

const StructDecl& PhaseSlice::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PhaseSlice::phase_epoch>("phase_epoch", ""),
      Required<&PhaseSlice::cpus_used>("cpus_used", ""),
      Required<&PhaseSlice::wake_latencies_ns>("wake_latencies_ns", "reservoir of kPhaseSamples"),
      Required<&PhaseSlice::wake_sample_total>("wake_sample_total", ""),
      Required<&PhaseSlice::timer_latencies_ns>("timer_latencies_ns", ""),
      Required<&PhaseSlice::timer_sample_total>("timer_sample_total", ""),
      Required<&PhaseSlice::run_delay_ns>("run_delay_ns", ""),
      Required<&PhaseSlice::off_cpu_ns>("off_cpu_ns", ""),
      Required<&PhaseSlice::wall_ns>("wall_ns", ""),
      Required<&PhaseSlice::migration_count>("migration_count", ""),
      Required<&PhaseSlice::iterations>("iterations", ""),
      Required<&PhaseSlice::work_units>("work_units", ""),
      Required<&PhaseSlice::schedstat_cpu_time_ns>("schedstat_cpu_time_ns", ""),
      Required<&PhaseSlice::numa_pages>("numa_pages", ""),
      Required<&PhaseSlice::vmstat_numa_pages_migrated>("vmstat_numa_pages_migrated", ""),
      Required<&PhaseSlice::max_gap_ms>("max_gap_ms", ""),
      Required<&PhaseSlice::max_gap_cpu>("max_gap_cpu", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<PhaseSlice>("PhaseSlice", "", kFields);
  return kDecl;
}

const StructDecl& WorkerReport::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&WorkerReport::tid>("tid", ""),
      Required<&WorkerReport::index>("index", "position in its group, 0-based"),
      Required<&WorkerReport::work_units>("work_units", ""),
      Required<&WorkerReport::cpu_time_ns>("cpu_time_ns", ""),
      Required<&WorkerReport::wall_time_ns>("wall_time_ns", ""),
      Required<&WorkerReport::off_cpu_ns>("off_cpu_ns", ""),
      Required<&WorkerReport::migration_count>("migration_count", ""),
      Required<&WorkerReport::migrations>("migrations", "the first 4096"),
      Required<&WorkerReport::cpus_used>("cpus_used", ""),
      Required<&WorkerReport::max_gap_ms>("max_gap_ms", ""),
      Required<&WorkerReport::max_gap_cpu>("max_gap_cpu", ""),
      Required<&WorkerReport::max_gap_at_ms>("max_gap_at_ms", ""),
      Required<&WorkerReport::wake_latencies_ns>("wake_latencies_ns", ""),
      Required<&WorkerReport::wake_sample_total>("wake_sample_total", ""),
      Required<&WorkerReport::timer_latencies_ns>("timer_latencies_ns", ""),
      Required<&WorkerReport::timer_sample_total>("timer_sample_total", ""),
      Required<&WorkerReport::iteration_costs_ns>("iteration_costs_ns", ""),
      Required<&WorkerReport::iteration_cost_sample_total>("iteration_cost_sample_total", ""),
      Required<&WorkerReport::iterations>("iterations", ""),
      Required<&WorkerReport::schedstat_available>("schedstat_available",
                                                   "when false the three fields below mean nothing"),
      Required<&WorkerReport::schedstat_cpu_time_ns>("schedstat_cpu_time_ns", ""),
      Required<&WorkerReport::schedstat_run_delay_ns>("schedstat_run_delay_ns", ""),
      Required<&WorkerReport::schedstat_run_count>("schedstat_run_count", ""),
      Required<&WorkerReport::completed>("completed",
                                         "false only on sentinels: the worker sent no valid report"),
      Required<&WorkerReport::numa_pages>("numa_pages", ""),
      Required<&WorkerReport::vmstat_numa_pages_migrated>("vmstat_numa_pages_migrated", "system-wide"),
      Required<&WorkerReport::exit_info>("exit_info", "sentinels only"),
      Required<&WorkerReport::is_messenger>("is_messenger", ""),
      Required<&WorkerReport::group_idx>("group_idx", ""),
      Required<&WorkerReport::affinity_error>("affinity_error", ""),
      Required<&WorkerReport::sched_policy_error>("sched_policy_error", ""),
      Required<&WorkerReport::phase_slices>("phase_slices", ""),
      Required<&WorkerReport::stripped>("stripped",
                                        "raw samples were dropped to fit the report into a frame"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<WorkerReport>("WorkerReport", "", kFields);
  return kDecl;
}
}  // namespace ktstr
