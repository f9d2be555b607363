#include "interpreter/fold/fold.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "interpreter/fold/cgroup_totals.h"
#include "interpreter/fold/metrics.h"

namespace ktstr {
namespace {

constexpr std::uint64_t kNsPerMs = 1'000'000;

void Count(std::uint64_t& counter, std::uint64_t add) { counter = AddSaturating(counter, add); }

CpuSet NodesOf(const RunRecord& record, const CpuSet& cpus) {
  CpuSet nodes;  // a set of small numbers, whatever they stand for
  for (const std::uint32_t cpu : cpus.cpus)
    nodes.Add(cpu < record.node_of_cpu.size() ? record.node_of_cpu[cpu] : 0);
  return nodes;
}

class Folder {
 public:
  explicit Folder(const RunRecord& record) : record_(record) {
    for (const WorkerGroup& group : record.groups) AddGroup(group);
  }

  void AddReports() {
    for (const CollectedReport& collected : record_.reports) {
      const auto at = groups_.find(collected.group);
      if (at == groups_.end()) continue;
      const WorkerReport& report = collected.report;
      if (report.completed && !at->second.seen.insert(report.index).second) continue;  // the judge complains
      if (report.completed || !report.phase_slices.empty()) AddReport(at->second, report);
    }
    for (const WorkerGroup& group : record_.groups) AddMissing(groups_.at(group.id));
  }

  void AddFigures() {
    const auto add = [](CgroupTotals& totals, const CgroupFigures& figures) {
      totals.figures ? totals.figures->Append(figures) : void(totals.figures = figures);
    };
    for (const CgroupFigures& figures : record_.cgroup_figures) {
      const std::size_t cgroup = IndexOf(figures.cgroup);
      add(whole_[cgroup], figures);
      if (figures.phase != 0 && figures.phase != kBetweenPhases)
        add(phases_[{figures.phase, cgroup}], figures);
    }
  }

  Stats Finish() {
    Stats stats;
    AddPhases(stats);
    RunTotals run;
    for (auto& [key, totals] : phases_) {
      totals.Seal();
      BucketFor(stats, key.first).per_cgroup.push_back(RowOf(totals, cgroups_[key.second]));
    }
    for (std::size_t i = 0; i < whole_.size(); ++i) {
      whole_[i].Seal();
      stats.cgroups.push_back(RowOf(whole_[i], cgroups_[i]));
    }
    run.cgroups = std::move(whole_);
    for (const MetricDecl& metric : AllMetrics())
      if (metric.of_run != nullptr) Put(stats.metrics, metric, metric.of_run(run));
    return stats;
  }

 private:
  struct Group {
    /// Where it was from a time on, as an index into cgroups_.
    struct Stay {
      std::uint64_t since_ns = 0;
      std::size_t cgroup = 0;
    };

    /// The cgroup that a slice which began then was lived in.
    [[nodiscard]] std::size_t CgroupAt(std::uint64_t begin_ns) const {
      std::size_t cgroup = stays.front().cgroup;
      for (const Stay& stay : stays)
        if (stay.since_ns <= begin_ns) cgroup = stay.cgroup;
      return cgroup;
    }

    const WorkerGroup* group = nullptr;
    std::vector<Stay> stays;       // in order
    std::optional<CpuSet> nodes;   // of its allowed CPUs
    std::set<std::uint32_t> seen;  // indexes of workers that reported
  };
  using PhaseKey = std::pair<std::uint32_t, std::size_t>;  // phase, cgroup

  std::size_t IndexOf(const std::string& cgroup) {
    auto [at, is_new] = cgroup_index_.try_emplace(cgroup, cgroups_.size());
    if (is_new) {
      cgroups_.push_back(cgroup);
      whole_.emplace_back();
    }
    return at->second;
  }

  void AddGroup(const WorkerGroup& group) {
    Group& entry = groups_[group.id];
    entry = {&group, {{0, IndexOf(group.cgroup)}}, std::nullopt, {}};
    for (const GroupMove& move : group.moves) entry.stays.push_back({move.at_ns, IndexOf(move.cgroup)});
    if (group.allowed) entry.nodes = NodesOf(record_, *group.allowed);
  }

  void AddReport(const Group& entry, const WorkerReport& report) {
    const std::string worker = WorkerName(record_, *entry.group, report.index);
    const auto add = [&](CgroupTotals& totals, const Measures& measures) {
      AddMeasures(totals, measures, entry, report, worker);
      totals.stripped = totals.stripped || report.stripped;
    };
    const WorkerGroup& group = *entry.group;
    const std::size_t last = entry.stays.back().cgroup;
    const bool moved = entry.stays.size() > 1 && !report.phase_slices.empty();
    std::map<std::size_t, Measures> lives;  // of one that was moved, by cgroup
    std::map<PhaseKey, Measures> phases;
    std::uint64_t moves_before = 0;
    if (!moved) add(whole_[last], report);
    bool placed = false;
    for (const PhaseSlice& slice : report.phase_slices) {
      const std::size_t cgroup = entry.CgroupAt(slice.begin_ns);
      if (moved) Append(lives, cgroup, slice);
      if (slice.phase == kBetweenPhases) moves_before += slice.migration_count;
      if (slice.phase == 0 || slice.phase == kBetweenPhases) continue;
      if (!group.backdrop && slice.phase != group.first_phase) continue;
      CgroupTotals& totals = phases_[{slice.phase, cgroup}];
      if (moved)
        Append(phases, {slice.phase, cgroup}, slice);
      else
        add(totals, slice);
      // What the step's first Ops made move is its doing.
      Count(totals.migrations, std::exchange(moves_before, 0));
      placed = true;
    }
    for (const auto& [cgroup, measures] : lives) add(whole_[cgroup], measures);
    for (const auto& [key, measures] : phases) add(phases_[key], measures);
    if (!placed && !group.backdrop) add(phases_[{group.first_phase, last}], report);
  }

  /// Adds a slice to what there is of the same place: a move cuts a phase into several.
  template <typename Key>
  static void Append(std::map<Key, Measures>& pieces, const Key& key, const PhaseSlice& slice) {
    const auto [at, fresh] = pieces.try_emplace(key, slice);
    if (!fresh) at->second.Append(slice);
  }

  static void AddMeasures(CgroupTotals& c, const Measures& m, const Group& entry, const WorkerReport& report,
                          const std::string& worker) {
    if (report.completed) ++c.workers;
    for (const std::uint32_t cpu : m.cpus_used) c.cpus_used.Add(cpu);
    c.wake.Add(m.wake_latencies_ns, m.wake_sample_total);
    c.timer.Add(m.timer_latencies_ns, m.timer_sample_total);
    c.iteration_cost.Add(m.iteration_costs_ns, m.iteration_cost_sample_total);
    Count(c.migrations, m.migration_count);
    Count(c.iterations, m.iterations);
    Count(c.work_units, m.work_units);
    if (m.refusals) Count(c.refusals.emplace(c.refusals.value_or(0)), *m.refusals);
    if (m.wall_ns > 0)
      c.off_cpu_pct.push_back(100.0 * static_cast<double>(m.off_cpu_ns) / static_cast<double>(m.wall_ns));
    if (m.cpu_time_ns > 0)
      c.work_rates.push_back(static_cast<double>(m.work_units) * 1e9 / static_cast<double>(m.cpu_time_ns));
    if (m.wall_ns > 0)
      c.throughputs.push_back(static_cast<double>(m.work_units) * 1e9 / static_cast<double>(m.wall_ns));
    if (report.schedstat_available) {
      c.run_delays_ns.push_back(m.run_delay_ns);
      Count(c.cpu_time_ns, m.schedstat_cpu_time_ns);
      Count(c.timed_iterations, m.iterations);
      c.cpu_time_measured = true;
    }
    for (const NodePages& on : m.numa_pages) {
      Count(c.pages, on.pages);
      if (!entry.nodes) continue;
      Count(c.placed_pages, on.pages);
      if (entry.nodes->Contains(on.node)) Count(c.local_pages, on.pages);
    }
    c.pages_migrated = std::max(c.pages_migrated, m.vmstat_numa_pages_migrated);
    const bool has_gap = m.wall_ns > 0 || m.max_gap_ms > 0 || m.iterations > 0 || m.work_units > 0;
    if (has_gap && (!c.gap || m.max_gap_ms >= c.gap->ms))
      c.gap = Gap{m.max_gap_ms, m.max_gap_cpu, worker, std::min(m.max_gap_ms, m.throttled_ns / kNsPerMs)};
  }

  void AddMissing(const Group& entry) {
    const WorkerGroup& group = *entry.group;
    const auto reported = static_cast<std::uint32_t>(entry.seen.size());
    if (group.may_be_killed || reported >= group.expected) return;
    const std::uint32_t missing = group.expected - reported;
    const std::size_t cgroup = entry.stays.back().cgroup;
    whole_[cgroup].missing += missing;
    if (!group.backdrop) {
      phases_[{group.first_phase, cgroup}].missing += missing;
      return;
    }
    for (const PhaseWindow& phase : record_.phases)
      if (phase.started && phase.index >= std::max(1U, group.first_phase))
        phases_[{phase.index, cgroup}].missing += missing;
  }

  void AddPhases(Stats& stats) const {
    std::uint64_t begin = UINT64_MAX;
    for (const PhaseWindow& phase : record_.phases)
      if (phase.started) begin = std::min(begin, phase.start_ns);
    std::vector<const PhaseWindow*> steps;
    for (const PhaseWindow& phase : record_.phases) {
      if (!phase.started) continue;
      PhaseBucket& bucket = BucketFor(stats, phase.index);
      bucket.label = phase.name;
      bucket.start_ms = (phase.start_ns - begin) / 1'000'000;
      if (phase.ended && phase.end_ns >= begin) bucket.end_ms = (phase.end_ns - begin) / 1'000'000;
      const PhaseWindow* const only = &phase;
      for (const MetricDecl& metric : AllMetrics())
        if (metric.of_phases != nullptr) Put(bucket.metrics, metric, metric.of_phases({&only, 1}));
      if (phase.index != 0) steps.push_back(&phase);
    }
    for (const MetricDecl& metric : AllMetrics())
      if (metric.of_phases != nullptr) Put(stats.metrics, metric, metric.of_phases(steps));
  }

  /// The bucket of a phase, in its place; of one that no window tells about, an unnamed one.
  static PhaseBucket& BucketFor(Stats& stats, std::uint32_t phase) {
    const auto at =
        std::lower_bound(stats.phases.begin(), stats.phases.end(), phase,
                         [](const PhaseBucket& bucket, std::uint32_t index) { return bucket.index < index; });
    if (at != stats.phases.end() && at->index == phase) return *at;
    PhaseBucket bucket;
    bucket.index = phase;
    bucket.label = "step " + std::to_string(phase);
    return *stats.phases.insert(at, std::move(bucket));
  }

  static void Put(NamedMap<double>& metrics, const MetricDecl& metric, std::optional<double> value) {
    if (value) metrics.items.emplace_back(std::string(metric.name), *value);
  }

  static CgroupStats RowOf(const CgroupTotals& totals, const std::string& cgroup) {
    CgroupStats row;
    row.cgroup = cgroup;
    row.num_workers = totals.workers;
    row.missing_workers = totals.missing;
    row.cpus_used = totals.cpus_used;
    row.stripped = totals.stripped;
    if (totals.gap) {
      row.max_gap_worker = totals.gap->worker;
      row.max_gap_cpu = totals.gap->cpu;
      row.max_gap_throttled_ms = totals.gap->throttled_ms;
    }
    for (const MetricDecl& metric : AllMetrics())
      if (metric.of_cgroup != nullptr) Put(row.metrics, metric, metric.of_cgroup(totals));
    return row;
  }

  const RunRecord& record_;
  std::vector<std::string> cgroups_;  // in order of first use
  std::unordered_map<std::string, std::size_t> cgroup_index_;
  std::unordered_map<std::uint32_t, Group> groups_;
  std::vector<CgroupTotals> whole_;  // by cgroup
  std::map<PhaseKey, CgroupTotals> phases_;
};

Stats FoldCgroups(const RunRecord& record) {
  Folder folder(record);
  folder.AddReports();
  folder.AddFigures();
  return folder.Finish();
}

/// The rows of the groups called `name`.
void AddGroupRows(const RunRecord& record, const std::string& name, Stats& stats) {
  const auto add = [&name](std::vector<CgroupStats> rows, std::vector<CgroupStats>& into) {
    for (CgroupStats& row : rows) {
      row.group = name;
      into.push_back(std::move(row));
    }
  };
  Stats of_groups = FoldCgroups(OnlyGroupsNamed(record, name));
  add(std::move(of_groups.cgroups), stats.groups);
  for (PhaseBucket& phase : stats.phases)
    for (PhaseBucket& of_group : of_groups.phases)
      if (of_group.index == phase.index) add(std::move(of_group.per_cgroup), phase.per_group);
}

}  // namespace

Stats Fold(const RunRecord& record) {
  Stats stats = FoldCgroups(record);
  std::set<std::string> told;
  for (const WorkerGroup& group : record.groups)
    if (!group.name.empty() && told.insert(group.name).second) AddGroupRows(record, group.name, stats);
  return stats;
}

}  // namespace ktstr
