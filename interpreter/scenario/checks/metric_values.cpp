#include "interpreter/scenario/checks/metric_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "interpreter/fold/fold.h"
#include "interpreter/scenario/checks/check_site.h"

namespace ktstr {
namespace {

std::string OfCgroup(std::string_view cgroup) {
  return cgroup.empty() ? std::string("the runner's own cgroup") : fmt::format("cgroup {}", cgroup);
}
std::string InPhase(const std::optional<std::string_view>& phase) {
  return phase ? fmt::format(" in phase {}", *phase) : "";
}

class Values {
 public:
  Values(const MetricCheck& check, const RunFacts& run)
      : check_(check), run_(run), phase_(PhaseOf(check.phase, run.step)) {
    if (check.group) of_group_ = Fold(OnlyGroupsNamed(run.record, *check.group));
  }

  /// "no data for max_gap_ms of cgroup hot in phase x: why".
  std::string NoData() const {
    const std::string where = check_.cgroup ? " of " + OfCgroup(*check_.cgroup) : "";
    return fmt::format("no data for {}{}{}: {}", check_.metric, where, InPhase(phase_), NothingBecause());
  }

  void OfStats(const MetricDecl& metric, std::vector<MetricValue>& out) const {
    if (metric.scope != Scope::kCgroup) {
      MetricValue one = FromStats(metric, {});
      one.title = fmt::format("{}{}", metric.name, InPhase(phase_));
      const std::size_t missing = run_.MissingWorkers();
      if (metric.scope == Scope::kRun && missing > 0)
        one.incomplete = fmt::format("{} worker{} left no report", missing, missing == 1 ? "" : "s");
      out.push_back(std::move(one));
      return;
    }
    std::vector<std::string> cgroups;
    if (check_.cgroup)
      cgroups.push_back(*check_.cgroup);
    else
      for (const CgroupStats& row : stats().cgroups) cgroups.push_back(row.cgroup);
    for (const std::string& cgroup : cgroups) {
      MetricValue one = FromStats(metric, cgroup);
      one.cgroup = cgroup;
      one.title = fmt::format("{} of {}{}{}", metric.name,
                              check_.group ? fmt::format("group {} of ", *check_.group) : "",
                              OfCgroup(cgroup), InPhase(phase_));
      if (const CgroupStats* row = Row(phase_, cgroup)) {
        if (row->missing_workers > 0)
          one.incomplete = fmt::format("{} of {} workers left no report", row->missing_workers,
                                       row->missing_workers + row->num_workers);
        if (metric.name == "max_gap_ms" && !row->max_gap_worker.empty())
          one.note = fmt::format(" (worker {} on cpu {}{})", row->max_gap_worker, row->max_gap_cpu,
                                 WhatWasWished(row->max_gap_throttled_ms));
      }
      // Without `cgroup`, those that do not measure this (in both phases) are not asked; if none does, that
      // is said.
      const bool measured =
          check_.vs_variant ? one.value || one.base : one.value && (!check_.vs_phase || one.base);
      if (check_.cgroup || measured || !one.incomplete.empty()) out.push_back(std::move(one));
    }
  }

  MetricValue FromStats(const MetricDecl& metric, std::string_view cgroup) const {
    MetricValue one;
    one.unit = metric.unit;
    one.phase = phase_.value_or("");
    one.value = ReadMetric(stats(), metric, phase_, cgroup);
    if (!one.value) one.no_data = Reason(metric, phase_, cgroup);
    if (check_.vs_variant) CompareWithVariant(cgroup, 0, IsThroughput(metric), one);
    if (!check_.vs_phase) return one;
    one.base = ReadMetric(stats(), metric, *check_.vs_phase, cgroup);
    if (!one.base && one.no_data.empty()) one.no_data = Reason(metric, *check_.vs_phase, cgroup);
    if (const CgroupStats* row = Row(*check_.vs_phase, cgroup); row != nullptr && row->missing_workers > 0)
      one.incomplete = fmt::format("{} of {} workers left no report in phase {}", row->missing_workers,
                                   row->missing_workers + row->num_workers, *check_.vs_phase);
    return one;
  }

  /// Puts the number that the other variant has in the place of this one. A host without CPUs makes a
  /// throughput too low by a share that is known; of anything else it is not known how wrong it is.
  void CompareWithVariant(std::string_view cgroup, std::uint32_t number, bool is_throughput,
                          MetricValue& one) const {
    one.other_variant = run_.other_variant;
    std::string trouble;
    if (run_.compared == nullptr) {
      trouble = fmt::format("variant {} was not run", run_.other_variant);
    } else if (!run_.compared->unusable.empty()) {
      trouble = fmt::format("nothing can be compared with variant {}: {}", run_.other_variant,
                            run_.compared->unusable);
    } else if (run_.compared->poor_host && !is_throughput) {
      trouble = OtherHost();
    } else if (const VariantNumber* const other = run_.compared->Find(run_.path, cgroup, number);
               other != nullptr && other->value) {
      one.base = other->value;
      if (is_throughput) {
        one.base_doubt = run_.compared->wait_pct / 100;
        one.own_doubt = run_.wait_pct / 100;
      }
    } else {
      trouble =
          fmt::format("variant {} has none: {}", run_.other_variant,
                      other == nullptr || other->no_data.empty() ? "it did not measure it" : other->no_data);
    }
    if (one.no_data.empty()) one.no_data = std::move(trouble);
  }

  [[nodiscard]] std::string OtherHost() const {
    return fmt::format(
        "the host of variant {} was oversubscribed: QEMU waited {:.0f} % of the time for a CPU",
        run_.other_variant, run_.compared->wait_pct);
  }

  const CgroupStats* Row(std::optional<std::string_view> phase, std::string_view cgroup) const {
    if (!phase) return stats().FindCgroup(cgroup);
    const PhaseBucket* bucket = stats().FindPhase(*phase);
    return bucket == nullptr ? nullptr : bucket->Find(cgroup);
  }

  /// Why a phase has no numbers at all; "" when it took place.
  std::string PhaseTrouble(std::optional<std::string_view> phase) const {
    if (!phase) return {};
    for (const PhaseWindow& window : run_.record.phases) {
      if (window.name != *phase) continue;
      if (!window.started) return fmt::format("phase {} was not reached", *phase);
      return window.ended ? "" : fmt::format("phase {} did not end", *phase);
    }
    return fmt::format("there is no phase {}", *phase);
  }

  std::string Reason(const MetricDecl& metric, std::optional<std::string_view> phase,
                     std::string_view cgroup) const {
    if (std::string trouble = PhaseTrouble(phase); !trouble.empty()) return trouble;
    if (metric.scope == Scope::kPhase)
      return phase ? fmt::format("its iterations were not counted in phase {}", *phase) : "no phase has it";
    if (metric.scope == Scope::kRun) return "no worker measured it";
    const CgroupStats* row = Row(phase, cgroup);
    if (metric.needs == Needs::kCgroup) return "the kernel did not count it there";
    if (row == nullptr || row->num_workers == 0)
      return fmt::format("no worker of {} reported{}", OfCgroup(cgroup), InPhase(phase));
    if (row->stripped) return "samples were dropped to fit a report into a frame";
    return "its workers do not measure it, or had nothing to measure";
  }

  std::string NothingBecause() const {
    if (std::string trouble = PhaseTrouble(phase_); !trouble.empty()) return trouble;
    if (check_.metric.starts_with(kPayloadMetricPrefix)) return "no such payload has ended there";
    if (const MetricDecl* metric = FindMetric(check_.metric); metric && metric->needs == Needs::kCgroup)
      return "the kernel did not count it of any cgroup";
    // There are rows, too, of cgroups that had payloads only.
    if (std::ranges::none_of(stats().cgroups, [](const CgroupStats& row) {
          return row.num_workers + row.missing_workers > 0;
        }))
      return "there were no workers";
    if (!check_.vs_phase) return "no worker measured it";  // here, nor in the other variant
    if (std::string trouble = PhaseTrouble(*check_.vs_phase); !trouble.empty()) return trouble;
    return fmt::format("no cgroup has it there and in phase {}", *check_.vs_phase);
  }

  void OfPayloads(std::vector<MetricValue>& out) const {
    std::vector<std::string> names;
    for (const PayloadResult& payload : run_.record.payloads) names.push_back(payload.name);
    const auto named = ParsePayloadMetricName(check_.metric, names);
    if (!named) return;
    std::map<std::string, std::uint32_t> seen;  // runs of it, by cgroup
    for (const PayloadResult& payload : run_.record.payloads) {
      const std::string phase = PhaseName(run_.record, payload.phase);
      if (payload.name != named->payload || (check_.cgroup && payload.cgroup != *check_.cgroup) ||
          (phase_ && phase != *phase_))
        continue;
      MetricValue one;
      one.cgroup = payload.cgroup;
      one.phase = phase;
      one.title = fmt::format("{} of {}{}", named->metric, PayloadTitle(payload), InPhase(phase));
      ReadInto(payload, named->metric, one, one.value);
      if (check_.vs_phase) PayloadBase(payload, named->metric, one);
      if (check_.vs_variant) CompareWithVariant(payload.cgroup, seen[payload.cgroup]++, false, one);
      out.push_back(std::move(one));
    }
  }

  static void ReadInto(const PayloadResult& payload, const std::string& metric, MetricValue& one,
                       std::optional<double>& into) {
    if (const auto number = ReadPayload(payload, metric)) {
      into = number->value;
      one.unit = number->unit;
    } else {
      one.no_data = fmt::format("{} printed no such metric", PayloadTitle(payload));
    }
  }

  /// The same payload in vs_phase: in the same cgroup if there is one.
  void PayloadBase(const PayloadResult& payload, const std::string& metric, MetricValue& one) const {
    const PayloadResult* base = nullptr;
    for (const PayloadResult& other : run_.record.payloads) {
      if (other.name != payload.name || PhaseName(run_.record, other.phase) != *check_.vs_phase) continue;
      if (base == nullptr || (base->cgroup != payload.cgroup && other.cgroup == payload.cgroup))
        base = &other;
    }
    if (base == nullptr)
      one.no_data = fmt::format("{} did not run in phase {}", PayloadTitle(payload), *check_.vs_phase);
    else
      ReadInto(*base, metric, one, one.base);
  }

 private:
  /// Of the workers that the check is about.
  [[nodiscard]] const Stats& stats() const { return of_group_ ? *of_group_ : run_.stats; }

  const MetricCheck& check_;
  const RunFacts& run_;
  std::optional<Stats> of_group_;
  std::optional<std::string_view> phase_;
};

}  // namespace

std::vector<MetricValue> ValuesOf(const MetricDecl& metric, const MetricCheck& check, const RunFacts& run) {
  std::vector<MetricValue> values;
  Values(check, run).OfStats(metric, values);
  return values;
}

std::vector<MetricValue> PayloadValuesOf(const MetricCheck& check, const RunFacts& run) {
  std::vector<MetricValue> values;
  Values(check, run).OfPayloads(values);
  return values;
}

std::vector<VariantNumber> NumbersForOthers(const MetricCheck& check, const RunFacts& run) {
  MetricCheck alone = check;
  alone.vs_variant.reset();
  const MetricDecl* const metric = FindMetric(check.metric);
  std::vector<MetricValue> values;
  if (check.metric.starts_with(kPayloadMetricPrefix))
    values = PayloadValuesOf(alone, run);
  else if (metric != nullptr)
    values = ValuesOf(*metric, alone, run);
  std::vector<VariantNumber> numbers;
  std::map<std::string, std::uint32_t> seen;
  for (const MetricValue& one : values) {
    VariantNumber number{std::string(run.path), one.cgroup, seen[one.cgroup]++, one.value, one.no_data};
    if (!one.incomplete.empty()) {
      number.value.reset();
      number.no_data = one.incomplete;
    }
    numbers.push_back(std::move(number));
  }
  return numbers;
}

std::string WhyNoValues(const MetricCheck& check, const RunFacts& run) { return Values(check, run).NoData(); }

}  // namespace ktstr
