#include "interpreter/fold/fold.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "interpreter/fold/fold_carrier.h"
#include "interpreter/fold/metrics.h"

namespace ktstr {
namespace {

/// The fields that a whole report and a slice share, so that both are folded by the same code.
struct View {
  const std::vector<std::uint32_t>& cpus_used;
  const std::vector<std::uint64_t>& wake;
  std::uint64_t wake_total;
  const std::vector<std::uint64_t>& timer;
  std::uint64_t timer_total;
  std::uint64_t run_delay_ns;
  std::uint64_t off_cpu_ns;
  std::uint64_t wall_ns;
  std::uint64_t thread_cpu_ns;
  std::uint64_t migrations;
  std::uint64_t iterations;
  std::uint64_t work_units;
  std::uint64_t schedstat_cpu_ns;
  const std::vector<NodePages>& pages;
  std::uint64_t pages_migrated;
  Gap gap;
};

View ViewOf(const WorkerReport& r, std::string worker) {
  return {r.cpus_used,
          r.wake_latencies_ns,
          r.wake_sample_total,
          r.timer_latencies_ns,
          r.timer_sample_total,
          r.schedstat_run_delay_ns,
          r.off_cpu_ns,
          r.wall_time_ns,
          r.cpu_time_ns,
          r.migration_count,
          r.iterations,
          r.work_units,
          r.schedstat_cpu_time_ns,
          r.numa_pages,
          r.vmstat_numa_pages_migrated,
          {r.max_gap_ms, r.max_gap_cpu, std::move(worker)}};
}

View ViewOf(const PhaseSlice& s, std::string worker) {
  return {s.cpus_used,
          s.wake_latencies_ns,
          s.wake_sample_total,
          s.timer_latencies_ns,
          s.timer_sample_total,
          s.run_delay_ns,
          s.off_cpu_ns,
          s.wall_ns,
          s.wall_ns - std::min(s.wall_ns, s.off_cpu_ns),
          s.migration_count,
          s.iterations,
          s.work_units,
          s.schedstat_cpu_time_ns,
          s.numa_pages,
          s.vmstat_numa_pages_migrated,
          {s.max_gap_ms, s.max_gap_cpu, std::move(worker)}};
}

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
      if (at == groups_.end() || !collected.report.completed) continue;
      if (!at->second.seen.insert(collected.report.index).second) continue;  // the judge complains
      AddReport(at->second, collected.report);
    }
    for (const WorkerGroup& group : record_.groups) AddMissing(groups_.at(group.id));
  }

  Stats Finish() {
    Stats stats;
    AddPhases(stats);
    RunTotals run;
    for (auto& [key, carrier] : phases_) {
      PoolInto(run, carrier);
      whole_in_phase_[key.second] = true;
      BucketFor(stats, key.first).per_cgroup.push_back(RowOf(carrier, cgroups_[key.second]));
    }
    for (std::size_t i = 0; i < whole_.size(); ++i) {
      whole_[i].Seal();
      if (!whole_in_phase_[i]) PoolInto(run, whole_[i]);
      stats.cgroups.push_back(RowOf(whole_[i], cgroups_[i]));
    }
    run.wake.Seal();
    run.timer.Seal();
    run.cgroups = std::move(whole_);
    for (const MetricDecl& metric : AllMetrics())
      if (metric.of_run != nullptr) Put(stats.metrics, metric, metric.of_run(run));
    return stats;
  }

 private:
  struct Group {
    const WorkerGroup* group = nullptr;
    std::size_t cgroup = 0;
    std::optional<CpuSet> nodes;   // of its allowed CPUs
    std::set<std::uint32_t> seen;  // indexes of workers that reported
  };
  using PhaseKey = std::pair<std::uint32_t, std::size_t>;  // epoch, cgroup

  void AddGroup(const WorkerGroup& group) {
    auto [at, is_new] = cgroup_index_.try_emplace(group.cgroup, cgroups_.size());
    if (is_new) {
      cgroups_.push_back(group.cgroup);
      whole_.emplace_back();
      whole_in_phase_.push_back(false);
    }
    Group& entry = groups_[group.id];
    entry = {&group, at->second, std::nullopt, {}};
    if (group.allowed) entry.nodes = NodesOf(record_, *group.allowed);
  }

  void AddReport(const Group& entry, const WorkerReport& report) {
    const std::string worker = WorkerName(record_, *entry.group, report.index);
    const auto add = [&](Carrier& carrier, const View& view) {
      AddView(carrier, view, entry, report);
      carrier.stripped = carrier.stripped || report.stripped;
    };
    add(whole_[entry.cgroup], ViewOf(report, worker));
    whole_[entry.cgroup].iteration_cost.Add(report.iteration_costs_ns, report.iteration_cost_sample_total);
    if (!entry.group->backdrop) {
      Carrier& carrier = phases_[{entry.group->first_epoch, entry.cgroup}];
      add(carrier, ViewOf(report, worker));
      carrier.iteration_cost.Add(report.iteration_costs_ns, report.iteration_cost_sample_total);
      return;
    }
    for (const PhaseSlice& slice : report.phase_slices)
      if (slice.phase_epoch != 0 && slice.phase_epoch != kBetweenPhases)
        add(phases_[{slice.phase_epoch, entry.cgroup}], ViewOf(slice, worker));
  }

  static void AddView(Carrier& c, const View& v, const Group& entry, const WorkerReport& report) {
    ++c.workers;
    for (const std::uint32_t cpu : v.cpus_used) c.cpus_used.Add(cpu);
    c.wake.Add(v.wake, v.wake_total);
    c.timer.Add(v.timer, v.timer_total);
    Count(c.migrations, v.migrations);
    Count(c.iterations, v.iterations);
    Count(c.work_units, v.work_units);
    if (v.wall_ns > 0)
      c.off_cpu_pct.push_back(100.0 * static_cast<double>(v.off_cpu_ns) / static_cast<double>(v.wall_ns));
    if (v.thread_cpu_ns > 0)
      c.work_rates.push_back(static_cast<double>(v.work_units) * 1e9 / static_cast<double>(v.thread_cpu_ns));
    if (report.schedstat_available) {
      c.run_delays_ns.push_back(v.run_delay_ns);
      Count(c.cpu_time_ns, v.schedstat_cpu_ns);
      Count(c.timed_iterations, v.iterations);
      c.cpu_time_measured = true;
    }
    for (const NodePages& on : v.pages) {
      Count(c.pages, on.pages);
      if (!entry.nodes) continue;
      Count(c.placed_pages, on.pages);
      if (entry.nodes->Contains(on.node)) Count(c.local_pages, on.pages);
    }
    c.pages_migrated = std::max(c.pages_migrated, v.pages_migrated);
    // A worker that never passed a checkpoint has no gap, rather than one of 0 ms.
    const bool has_gap = v.gap.ms > 0 || v.iterations > 0 || v.work_units > 0;
    if (has_gap && (!c.gap || v.gap.ms >= c.gap->ms)) c.gap = v.gap;
  }

  void AddMissing(const Group& entry) {
    const WorkerGroup& group = *entry.group;
    const auto reported = static_cast<std::uint32_t>(entry.seen.size());
    if (group.may_be_killed || reported >= group.expected) return;
    const std::uint32_t missing = group.expected - reported;
    whole_[entry.cgroup].missing += missing;
    if (!group.backdrop) {
      phases_[{group.first_epoch, entry.cgroup}].missing += missing;
      return;
    }
    for (const PhaseWindow& phase : record_.phases)
      if (phase.started && phase.epoch >= std::max(1U, group.first_epoch))
        phases_[{phase.epoch, entry.cgroup}].missing += missing;
  }

  void AddPhases(Stats& stats) const {
    std::uint64_t begin = UINT64_MAX;
    for (const PhaseWindow& phase : record_.phases)
      if (phase.started) begin = std::min(begin, phase.start_ns);
    std::vector<const PhaseWindow*> steps;
    for (const PhaseWindow& phase : record_.phases) {
      if (!phase.started) continue;
      PhaseBucket& bucket = BucketFor(stats, phase.epoch);
      bucket.label = phase.name;
      bucket.start_ms = (phase.start_ns - begin) / 1'000'000;
      if (phase.ended && phase.end_ns >= begin) bucket.end_ms = (phase.end_ns - begin) / 1'000'000;
      const PhaseWindow* const only = &phase;
      for (const MetricDecl& metric : AllMetrics())
        if (metric.of_phases != nullptr) Put(bucket.metrics, metric, metric.of_phases({&only, 1}));
      if (phase.epoch != 0) steps.push_back(&phase);
    }
    for (const MetricDecl& metric : AllMetrics())
      if (metric.of_phases != nullptr) Put(stats.metrics, metric, metric.of_phases(steps));
  }

  /// The bucket of an epoch, in its place; of one that no window tells about, an unnamed one.
  static PhaseBucket& BucketFor(Stats& stats, std::uint32_t epoch) {
    const auto at = std::lower_bound(
        stats.phases.begin(), stats.phases.end(), epoch,
        [](const PhaseBucket& bucket, std::uint32_t index) { return bucket.step_index < index; });
    if (at != stats.phases.end() && at->step_index == epoch) return *at;
    PhaseBucket bucket;
    bucket.step_index = epoch;
    bucket.label = "step " + std::to_string(epoch);
    return *stats.phases.insert(at, std::move(bucket));
  }

  static void Put(NamedMap<double>& metrics, const MetricDecl& metric, std::optional<double> value) {
    if (value) metrics.items.emplace_back(std::string(metric.name), *value);
  }

  static void PoolInto(RunTotals& run, Carrier& carrier) {
    carrier.Seal();
    run.wake.Pool(carrier.wake);
    run.timer.Pool(carrier.timer);
    run.run_delays_ns.insert(run.run_delays_ns.end(), carrier.run_delays_ns.begin(),
                             carrier.run_delays_ns.end());
  }

  static CgroupStats RowOf(const Carrier& carrier, const std::string& cgroup) {
    CgroupStats row;
    row.cgroup = cgroup;
    row.num_workers = carrier.workers;
    row.missing_workers = carrier.missing;
    row.cpus_used = carrier.cpus_used;
    row.stripped = carrier.stripped;
    if (carrier.gap) {
      row.max_gap_worker = carrier.gap->worker;
      row.max_gap_cpu = carrier.gap->cpu;
    }
    for (const MetricDecl& metric : AllMetrics())
      if (metric.of_cgroup != nullptr) Put(row.metrics, metric, metric.of_cgroup(carrier));
    return row;
  }

  const RunRecord& record_;
  std::vector<std::string> cgroups_;  // in order of first use
  std::unordered_map<std::string, std::size_t> cgroup_index_;
  std::unordered_map<std::uint32_t, Group> groups_;
  std::vector<Carrier> whole_;  // by cgroup
  std::vector<bool> whole_in_phase_;
  std::map<PhaseKey, Carrier> phases_;
};

}  // namespace

Stats Fold(const RunRecord& record) {
  Folder folder(record);
  folder.AddReports();
  return folder.Finish();
}

}  // namespace ktstr
