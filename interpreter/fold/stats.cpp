#include "interpreter/fold/stats.h"

#include <algorithm>

namespace ktstr {

const StructDecl& PhaseWindow::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PhaseWindow::index>("index", "0 BASELINE, k the k-th step"),
      Required<&PhaseWindow::name>("name", ""),
      Required<&PhaseWindow::start_ns>("start_ns", "", Unit("ns")),
      Required<&PhaseWindow::end_ns>("end_ns", "", Unit("ns")),
      Required<&PhaseWindow::iterations_start>("iterations_start", "iterations of all workers at the start"),
      Required<&PhaseWindow::iterations_end>("iterations_end", "and at the end"),
      Required<&PhaseWindow::live_workers>("live_workers", "at the end"),
      Required<&PhaseWindow::started>("started", ""),
      Required<&PhaseWindow::ended>("ended", ""),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<PhaseWindow>("PhaseWindow", "One phase of the run: its two marks.", kFields);
  return kDecl;
}

const StructDecl& GroupMove::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&GroupMove::cgroup>("cgroup", "where to"),
      Required<&GroupMove::at_ns>("at_ns", "slices that begin later were lived there", Unit("ns")),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<GroupMove>("GroupMove", "A group of workers was moved into another cgroup.", kFields);
  return kDecl;
}

const StructDecl& WorkerGroup::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&WorkerGroup::id>("id", ""),
      Required<&WorkerGroup::cgroup>("cgroup", "that it was started in; \"\" is the runner's own"),
      Optional<&WorkerGroup::moves>("moves", "into other cgroups, in order"),
      Optional<&WorkerGroup::name>("name", "that the scenario gave it"),
      Required<&WorkerGroup::work_type>("work_type", ""),
      Required<&WorkerGroup::group_idx>("group_idx", "position of the work entry in its cgroup"),
      Required<&WorkerGroup::expected>("expected", "workers started"),
      Required<&WorkerGroup::backdrop>("backdrop", "it lived across steps and reports one slice per phase"),
      Required<&WorkerGroup::first_phase>("first_phase", "the phase it was started in"),
      Optional<&WorkerGroup::allowed>(
          "allowed", "every CPU its workers were allowed on at some time; absent: not restricted"),
      Required<&WorkerGroup::policy>("policy", "how the kernel schedules them: FIFO 50, nice 5, normal"),
      Required<&WorkerGroup::may_be_killed>(
          "may_be_killed", "the scenario kills its workers, so a missing report is no error"),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<WorkerGroup>("WorkerGroup", "One group of workers that was started.", kFields);
  return kDecl;
}

const StructDecl& CollectedReport::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&CollectedReport::group>("group", ""),
      Required<&CollectedReport::report>("report", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<CollectedReport>(
      "CollectedReport", "What one worker sent, or the sentinel that says how it ended.", kFields);
  return kDecl;
}

const StructDecl& PayloadResult::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PayloadResult::name>("name", ""),
      Required<&PayloadResult::cgroup>("cgroup", "\"\" is the runner's own"),
      Required<&PayloadResult::phase>("phase", "the phase it was started in"),
      Required<&PayloadResult::done>("done", ""),
      Required<&PayloadResult::stderr_text>("stderr_text", ""),
      Required<&PayloadResult::metrics>("metrics", ""),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<PayloadResult>("PayloadResult", "One finalised payload.", kFields);
  return kDecl;
}

const StructDecl& RunRecord::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&RunRecord::phases>("phases", ""),
      Required<&RunRecord::groups>("groups", ""),
      Required<&RunRecord::reports>("reports", ""),
      Optional<&RunRecord::cgroup_figures>("cgroup_figures", "what the kernel counted of the cgroups"),
      Required<&RunRecord::payloads>("payloads", "in the order of finalisation"),
      Required<&RunRecord::schedulers>("schedulers", "in the order in which they were attached"),
      Required<&RunRecord::queued_tasks>("queued_tasks", "of all that sched_ext dumped"),
      Required<&RunRecord::kernel_log>("kernel_log", ""),
      Required<&RunRecord::online_cpus>("online_cpus", ""),
      Required<&RunRecord::node_of_cpu>("node_of_cpu", "NUMA node by CPU number"),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<RunRecord>("RunRecord", "What a run left behind.", kFields);
  return kDecl;
}

const StructDecl& CgroupStats::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&CgroupStats::cgroup>("cgroup", ""),
      Required<&CgroupStats::group>("group", "the name of its work groups; empty in a cgroup's own row"),
      Required<&CgroupStats::num_workers>("num_workers", "workers that reported"),
      Required<&CgroupStats::missing_workers>(
          "missing_workers", "workers that should have reported; their numbers are not in here"),
      Required<&CgroupStats::cpus_used>("cpus_used", ""),
      Required<&CgroupStats::max_gap_worker>("max_gap_worker", "the worker that max_gap_ms is about"),
      Required<&CgroupStats::max_gap_cpu>("max_gap_cpu", "the CPU it was seen on"),
      Required<&CgroupStats::max_gap_throttled_ms>("max_gap_throttled_ms",
                                                   "of that gap, at most: throttled by cpu.max"),
      Required<&CgroupStats::stripped>("stripped", "samples were dropped to fit a report into a frame"),
      Required<&CgroupStats::metrics>("metrics", "cgroup metrics; one without data is absent"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<CgroupStats>(
      "CgroupStats", "The workers of one cgroup, in one phase or over their whole lives.", kFields);
  return kDecl;
}

const StructDecl& PhaseBucket::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PhaseBucket::index>("index", "0 BASELINE, k the k-th step"),
      Required<&PhaseBucket::label>("label", ""),
      Required<&PhaseBucket::start_ms>("start_ms", "since the start of the first phase", Unit("ms")),
      Optional<&PhaseBucket::end_ms>("end_ms", "absent when the phase did not end", Unit("ms")),
      Required<&PhaseBucket::metrics>("metrics", "phase metrics"),
      Required<&PhaseBucket::per_cgroup>("per_cgroup", ""),
      Required<&PhaseBucket::per_group>("per_group", "work groups that have a name"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<PhaseBucket>("PhaseBucket", "One phase.", kFields);
  return kDecl;
}

const StructDecl& Stats::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Stats::phases>("phases", ""),
      Required<&Stats::cgroups>("cgroups", "over the whole run"),
      Required<&Stats::groups>("groups", "work groups that have a name, over the whole run"),
      Required<&Stats::metrics>("metrics", "run metrics, and phase metrics over all steps"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Stats>("Stats", "The numbers of a run.", kFields);
  return kDecl;
}

std::string WorkerName(const RunRecord& record, const WorkerGroup& group, std::uint32_t index) {
  const std::string cgroup = group.cgroup.empty() ? "runner" : group.cgroup;
  if (!group.name.empty()) return cgroup + '/' + group.name + '/' + std::to_string(index);
  bool shared = false;
  bool same_type = false;
  for (const WorkerGroup& other : record.groups) {
    if (other.id == group.id || other.cgroup != group.cgroup) continue;
    shared = true;
    same_type = same_type || other.work_type == group.work_type;
  }
  std::string name = cgroup;
  if (shared) name += '/' + group.work_type;
  if (same_type) name += '#' + std::to_string(group.id);
  return name + '/' + std::to_string(index);
}

RunRecord OnlyGroupsNamed(const RunRecord& record, std::string_view name) {
  RunRecord only;
  only.phases = record.phases;
  only.online_cpus = record.online_cpus;
  only.node_of_cpu = record.node_of_cpu;
  for (const WorkerGroup& group : record.groups) {
    if (group.name != name) continue;
    only.groups.push_back(group);
    for (const CollectedReport& collected : record.reports)
      if (collected.group == group.id) only.reports.push_back(collected);
  }
  return only;
}

const CgroupStats* PhaseBucket::Find(std::string_view cgroup) const {
  const auto at = std::find_if(per_cgroup.begin(), per_cgroup.end(),
                               [&](const CgroupStats& row) { return row.cgroup == cgroup; });
  return at == per_cgroup.end() ? nullptr : &*at;
}

const PhaseBucket* Stats::FindPhase(std::string_view label) const {
  const auto at = std::find_if(phases.begin(), phases.end(),
                               [&](const PhaseBucket& phase) { return phase.label == label; });
  return at == phases.end() ? nullptr : &*at;
}

const CgroupStats* Stats::FindCgroup(std::string_view cgroup) const {
  const auto at = std::find_if(cgroups.begin(), cgroups.end(),
                               [&](const CgroupStats& row) { return row.cgroup == cgroup; });
  return at == cgroups.end() ? nullptr : &*at;
}

}  // namespace ktstr