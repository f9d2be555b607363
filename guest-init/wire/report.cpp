#include "guest-init/wire/report.h"

#include <algorithm>
#include <array>
#include <iterator>

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
      Required<&Migration::at_ns>("at_ns", "since the worker's creation"),
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

namespace {

/// The field of a Measures as one of `S`, which is derived from it.
template <typename S, auto MemberPointer>
constexpr FieldDecl Measure(std::string_view name, std::string_view doc = {}) {
  FieldDecl field = Required<MemberPointer>(name, doc);
  field.member = [](void* object) -> void* { return &(static_cast<S*>(object)->*MemberPointer); };
  return field;
}

template <typename S>
constexpr auto Measured() {
  return std::array{
      Measure<S, &Measures::wall_ns>("wall_ns"),
      Measure<S, &Measures::cpu_time_ns>("cpu_time_ns", "by the thread's CPU clock"),
      Measure<S, &Measures::off_cpu_ns>("off_cpu_ns"),
      Measure<S, &Measures::work_units>("work_units"),
      Measure<S, &Measures::iterations>("iterations"),
      Measure<S, &Measures::migration_count>("migration_count"),
      Measure<S, &Measures::cpus_used>("cpus_used"),
      Measure<S, &Measures::max_gap_ms>("max_gap_ms"),
      Measure<S, &Measures::max_gap_cpu>("max_gap_cpu"),
      Measure<S, &Measures::max_gap_at_ms>("max_gap_at_ms", "when it ended, since the worker's creation"),
      Measure<S, &Measures::max_gap_run_delay_ms>("max_gap_run_delay_ms",
                                                  "of the gap, at most: runnable without running"),
      Measure<S, &Measures::wake_latencies_ns>("wake_latencies_ns"),
      Measure<S, &Measures::wake_sample_total>("wake_sample_total"),
      Measure<S, &Measures::timer_latencies_ns>("timer_latencies_ns"),
      Measure<S, &Measures::timer_sample_total>("timer_sample_total"),
      Measure<S, &Measures::iteration_costs_ns>("iteration_costs_ns"),
      Measure<S, &Measures::iteration_cost_sample_total>("iteration_cost_sample_total"),
      Measure<S, &Measures::schedstat_cpu_time_ns>("schedstat_cpu_time_ns"),
      Measure<S, &Measures::run_delay_ns>("run_delay_ns", "runnable without running"),
      Measure<S, &Measures::run_count>("run_count"),
      Measure<S, &Measures::frozen_ns>("frozen_ns"),
      Measure<S, &Measures::throttled_ns>("throttled_ns", "by cpu.max, of its cgroup or one above"),
      Measure<S, &Measures::machine_stopped_ns>("machine_stopped_ns",
                                                "the host let nothing run in the guest"),
      Measure<S, &Measures::numa_pages>("numa_pages"),
      Measure<S, &Measures::vmstat_numa_pages_migrated>("vmstat_numa_pages_migrated", "system-wide"),
      Measure<S, &Measures::refusals>("refusals",
                                      "calls that the kernel refused where its work expects that; null: it "
                                      "expects none"),
  };
}

/// `first`, then the measures, then `last`.
template <typename S, std::size_t F, std::size_t L>
constexpr auto Around(const FieldDecl (&first)[F], const FieldDecl (&last)[L]) {
  constexpr auto kMeasures = Measured<S>();
  std::array<FieldDecl, F + kMeasures.size() + L> fields{};
  auto* const after = std::copy(std::begin(first), std::end(first), fields.data());
  std::copy(std::begin(last), std::end(last), std::copy(kMeasures.begin(), kMeasures.end(), after));
  return fields;
}

}  // namespace

void Measures::Append(const Measures& later) {
  const auto join = [](auto& into, const auto& more) { into.insert(into.end(), more.begin(), more.end()); };
  using Count = std::uint64_t Measures::*;
  for (const Count count :
       {&Measures::wall_ns, &Measures::cpu_time_ns, &Measures::off_cpu_ns, &Measures::work_units,
        &Measures::iterations, &Measures::migration_count, &Measures::wake_sample_total,
        &Measures::timer_sample_total, &Measures::iteration_cost_sample_total,
        &Measures::schedstat_cpu_time_ns, &Measures::run_delay_ns, &Measures::run_count, &Measures::frozen_ns,
        &Measures::throttled_ns, &Measures::machine_stopped_ns, &Measures::vmstat_numa_pages_migrated})
    this->*count += later.*count;
  for (const std::uint32_t cpu : later.cpus_used)
    if (std::find(cpus_used.begin(), cpus_used.end(), cpu) == cpus_used.end()) cpus_used.push_back(cpu);
  std::sort(cpus_used.begin(), cpus_used.end());
  if (later.max_gap_ms > max_gap_ms) {
    max_gap_ms = later.max_gap_ms;
    max_gap_cpu = later.max_gap_cpu;
    max_gap_at_ms = later.max_gap_at_ms;
    max_gap_run_delay_ms = later.max_gap_run_delay_ms;
  }
  join(wake_latencies_ns, later.wake_latencies_ns);
  join(timer_latencies_ns, later.timer_latencies_ns);
  join(iteration_costs_ns, later.iteration_costs_ns);
  numa_pages = later.numa_pages;
  if (later.refusals) refusals = refusals.value_or(0) + *later.refusals;
}

const StructDecl& PhaseSlice::Decl() {
  static constexpr FieldDecl kFirst[] = {
      Required<&PhaseSlice::phase>("phase", "0: BASELINE, 1..N: the steps; 4294967295: between two phases"),
      Required<&PhaseSlice::begin_ns>("begin_ns", "guest clock; it ends wall_ns later"),
  };
  static constexpr FieldDecl kLast[] = {
      Required<&PhaseSlice::state>("state", "at its end, as the kernel has it"),
      Required<&PhaseSlice::cpu>("cpu", "at its end: where it runs, or ran last"),
      Required<&PhaseSlice::waiting_ns>("waiting_ns",
                                        "at its end: for so long runnable without running, 0 when it runs"),
      Required<&PhaseSlice::cpus_allowed>("cpus_allowed", "at its end: the effective cpuset of its cgroup"),
      Required<&PhaseSlice::cpus_outside>("cpus_outside",
                                          "of cpus_used: outside the set in force at that moment"),
      Required<&PhaseSlice::outside_of>("outside_of", "the first set that it left so"),
      Required<&PhaseSlice::cpus_let_in>("cpus_let_in", "the kernel let these in by itself meanwhile"),
  };
  static constexpr auto kFields = Around<PhaseSlice>(kFirst, kLast);
  static constexpr StructDecl kDecl = DeclareStruct<PhaseSlice>("PhaseSlice", "", kFields);
  return kDecl;
}

const StructDecl& WorkerReport::Decl() {
  static constexpr FieldDecl kFirst[] = {
      Required<&WorkerReport::tid>("tid", ""),
      Required<&WorkerReport::index>("index", "position in its group, 0-based"),
      Required<&WorkerReport::created_ns>("created_ns", "guest clock; its life ends wall_ns later"),
  };
  static constexpr FieldDecl kLast[] = {
      Required<&WorkerReport::migrations>("migrations", "the first 4096"),
      Required<&WorkerReport::schedstat_available>("schedstat_available",
                                                   "when false the kernel gave no account"),
      Required<&WorkerReport::completed>("completed",
                                         "false only on sentinels: the worker sent no valid report"),
      Required<&WorkerReport::exit_info>("exit_info", "sentinels only"),
      Required<&WorkerReport::is_messenger>("is_messenger", ""),
      Required<&WorkerReport::group_idx>("group_idx", ""),
      Required<&WorkerReport::affinity_error>("affinity_error", ""),
      Required<&WorkerReport::sched_policy_error>("sched_policy_error", ""),
      Required<&WorkerReport::nice_error>("nice_error", ""),
      Required<&WorkerReport::gid_error>("gid_error", ""),
      Required<&WorkerReport::uid_error>("uid_error", ""),
      Required<&WorkerReport::work_error>("work_error", "why it gave up; empty: it did not"),
      Required<&WorkerReport::storage>("storage", "what its I/O went to; empty: it did none"),
      Required<&WorkerReport::network>("network", "what its frames went through; empty: it sent none"),
      Required<&WorkerReport::phase_slices>("phase_slices", "without gaps from its creation to its end"),
      Required<&WorkerReport::stripped>("stripped",
                                        "raw samples were dropped to fit the report into a frame"),
  };
  static constexpr auto kFields = Around<WorkerReport>(kFirst, kLast);
  static constexpr StructDecl kDecl = DeclareStruct<WorkerReport>("WorkerReport", "", kFields);
  return kDecl;
}

}  // namespace ktstr
