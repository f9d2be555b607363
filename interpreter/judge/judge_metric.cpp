// Checks on metrics: find the number, or say why there is none, and hold it against its bounds.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "interpreter/fold/metrics.h"
#include "interpreter/judge/judge_parts.h"

namespace ktstr {
namespace {

/// One number a check is about.
struct Candidate {
  std::string cgroup;
  std::string phase;  // "" for the whole run
  std::string title;  // "max_gap_ms of cgroup hot in phase shrink"
  std::optional<double> value;
  std::optional<double> base;  // of vs_phase
  std::string no_data;         // why value or base is absent
  std::string note;            // about the value: which worker, which CPU
  std::string incomplete;      // why the value does not cover all that it should
  std::string unit;
};

std::string OfCgroup(std::string_view cgroup) {
  return cgroup.empty() ? std::string("the runner's own cgroup") : fmt::format("cgroup {}", cgroup);
}
std::string InPhase(const std::optional<std::string_view>& phase) {
  return phase ? fmt::format(" in phase {}", *phase) : "";
}

class Judgement {
 public:
  Judgement(const RunRecord& record, const Stats& stats, std::size_t missing_workers,
            const PlacedCheck& placed, CheckResults& results)
      : record_(record),
        stats_(stats),
        missing_workers_(missing_workers),
        placed_(placed),
        check_(placed.check),
        phase_(placed.Phase()),
        results_(results) {}

  void Run() {
    std::vector<Candidate> candidates;
    if (check_.metric.starts_with(kPayloadMetricPrefix)) {
      PayloadCandidates(candidates);
    } else if (const MetricDecl* metric = FindMetric(check_.metric)) {
      StatsCandidates(*metric, candidates);
    } else {
      Push(Verdict::kError, {}, fmt::format("there is no metric '{}'", check_.metric));
      return;
    }
    if (candidates.empty()) {
      const std::string where = check_.cgroup ? " of " + OfCgroup(*check_.cgroup) : "";
      Push(Verdict::kInconclusive, {},
           fmt::format("no data for {}{}{}: {}", check_.metric, where, InPhase(phase_), NothingBecause()));
      return;
    }
    Decide(candidates);
  }

 private:
  struct Bound {
    double value;
    bool is_max;
    bool is_ratio;
  };

  // ---- candidates ----

  void StatsCandidates(const MetricDecl& metric, std::vector<Candidate>& out) {
    if (metric.scope != Scope::kCgroup) {
      Candidate one = FromStats(metric, {});
      one.title = fmt::format("{}{}", metric.name, InPhase(phase_));
      if (metric.scope == Scope::kRun && missing_workers_ > 0)
        one.incomplete =
            fmt::format("{} worker{} left no report", missing_workers_, missing_workers_ == 1 ? "" : "s");
      out.push_back(std::move(one));
      return;
    }
    std::vector<std::string> cgroups;
    if (check_.cgroup)
      cgroups.push_back(*check_.cgroup);
    else
      for (const CgroupStats& row : stats_.cgroups) cgroups.push_back(row.cgroup);
    for (const std::string& cgroup : cgroups) {
      Candidate candidate = FromStats(metric, cgroup);
      candidate.cgroup = cgroup;
      candidate.title = fmt::format("{} of {}{}", metric.name, OfCgroup(cgroup), InPhase(phase_));
      if (const CgroupStats* row = Row(phase_, cgroup)) {
        if (row->missing_workers > 0)
          candidate.incomplete = fmt::format("{} of {} workers left no report", row->missing_workers,
                                             row->missing_workers + row->num_workers);
        if (metric.name == "max_gap_ms" && !row->max_gap_worker.empty())
          candidate.note = fmt::format(" (worker {} on cpu {})", row->max_gap_worker, row->max_gap_cpu);
      }
      // Without `cgroup`, those that do not measure this (in both phases) are not asked; if none does, that
      // is said.
      const bool measured = candidate.value && (!check_.vs_phase || candidate.base);
      if (check_.cgroup || measured || !candidate.incomplete.empty()) out.push_back(std::move(candidate));
    }
  }

  Candidate FromStats(const MetricDecl& metric, std::string_view cgroup) const {
    Candidate candidate;
    candidate.unit = metric.unit;
    candidate.phase = phase_.value_or("");
    candidate.value = ReadMetric(stats_, metric, phase_, cgroup);
    if (!candidate.value) candidate.no_data = Reason(metric, phase_, cgroup);
    if (!check_.vs_phase) return candidate;
    candidate.base = ReadMetric(stats_, metric, *check_.vs_phase, cgroup);
    if (!candidate.base && candidate.no_data.empty())
      candidate.no_data = Reason(metric, *check_.vs_phase, cgroup);
    if (const CgroupStats* row = Row(*check_.vs_phase, cgroup); row != nullptr && row->missing_workers > 0)
      candidate.incomplete = fmt::format("{} of {} workers left no report in phase {}", row->missing_workers,
                                         row->missing_workers + row->num_workers, *check_.vs_phase);
    return candidate;
  }

  const CgroupStats* Row(std::optional<std::string_view> phase, std::string_view cgroup) const {
    if (!phase) return stats_.FindCgroup(cgroup);
    const PhaseBucket* bucket = stats_.FindPhase(*phase);
    return bucket == nullptr ? nullptr : bucket->Find(cgroup);
  }

  /// Why a phase has no numbers at all; "" when it took place.
  std::string PhaseTrouble(std::optional<std::string_view> phase) const {
    if (!phase) return {};
    for (const PhaseWindow& window : record_.phases) {
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
    if (row == nullptr || row->num_workers == 0)
      return fmt::format("no worker of {} reported{}", OfCgroup(cgroup), InPhase(phase));
    if (row->stripped) return "samples were dropped to fit a report into a frame";
    return "its workers do not measure it, or had nothing to measure";
  }

  std::string NothingBecause() const {
    if (std::string trouble = PhaseTrouble(phase_); !trouble.empty()) return trouble;
    if (check_.metric.starts_with(kPayloadMetricPrefix)) return "no such payload has ended there";
    if (stats_.cgroups.empty()) return "there were no workers";
    if (!check_.vs_phase) return "no worker measured it";
    if (std::string trouble = PhaseTrouble(*check_.vs_phase); !trouble.empty()) return trouble;
    return fmt::format("no cgroup has it there and in phase {}", *check_.vs_phase);
  }

  void PayloadCandidates(std::vector<Candidate>& out) {
    std::vector<std::string> names;
    for (const PayloadResult& payload : record_.payloads) names.push_back(payload.name);
    const auto named = ParsePayloadMetricName(check_.metric, names);
    if (!named) return;
    for (const PayloadResult& payload : record_.payloads) {
      const std::string phase = PhaseName(record_, payload.phase);
      if (payload.name != named->payload || (check_.cgroup && payload.cgroup != *check_.cgroup) ||
          (phase_ && phase != *phase_))
        continue;
      Candidate candidate;
      candidate.cgroup = payload.cgroup;
      candidate.phase = phase;
      candidate.title = fmt::format("{} of {}{}", named->metric, PayloadTitle(payload), InPhase(phase));
      ReadInto(payload, named->metric, candidate, candidate.value);
      if (check_.vs_phase) PayloadBase(payload, named->metric, candidate);
      out.push_back(std::move(candidate));
    }
  }

  static void ReadInto(const PayloadResult& payload, const std::string& metric, Candidate& candidate,
                       std::optional<double>& into) {
    if (const auto number = ReadPayload(payload, metric)) {
      into = number->value;
      candidate.unit = number->unit;
    } else {
      candidate.no_data = fmt::format("{} printed no such metric", PayloadTitle(payload));
    }
  }

  /// The same payload in vs_phase: in the same cgroup if there is one.
  void PayloadBase(const PayloadResult& payload, const std::string& metric, Candidate& candidate) const {
    const PayloadResult* base = nullptr;
    for (const PayloadResult& other : record_.payloads) {
      if (other.name != payload.name || PhaseName(record_, other.phase) != *check_.vs_phase) continue;
      if (base == nullptr || (base->cgroup != payload.cgroup && other.cgroup == payload.cgroup))
        base = &other;
    }
    if (base == nullptr)
      candidate.no_data = fmt::format("{} did not run in phase {}", PayloadTitle(payload), *check_.vs_phase);
    else
      ReadInto(*base, metric, candidate, candidate.base);
  }

  // ---- the decision ----

  /// The bounds in `unit`; nothing (and an ERROR result) when one does not go with it.
  std::optional<std::vector<Bound>> Bounds(const std::string& unit) {
    std::vector<Bound> bounds;
    const auto add = [&](const Quantity& quantity, bool is_max) {
      const Result<double> value = quantity.In(unit);
      if (!value) {
        Push(Verdict::kError, {},
             fmt::format("the bound of {} makes no sense: {}", check_.metric, value.error().message));
        return false;
      }
      bounds.push_back({*value, is_max, false});
      return true;
    };
    if (check_.min && !add(*check_.min, false)) return std::nullopt;
    if (check_.max && !add(*check_.max, true)) return std::nullopt;
    for (std::size_t i = 0; i < check_.between.size(); ++i)
      if (!add(check_.between[i], i == 1)) return std::nullopt;
    if (check_.min_ratio) bounds.push_back({*check_.min_ratio, false, true});
    if (check_.max_ratio) bounds.push_back({*check_.max_ratio, true, true});
    return bounds;
  }

  static std::optional<double> Measured(const Candidate& candidate, const Bound& bound) {
    if (!candidate.value) return std::nullopt;
    if (!bound.is_ratio) return candidate.value;
    if (!candidate.base || *candidate.base == 0) return std::nullopt;
    return *candidate.value / *candidate.base;
  }

  /// How a candidate fares. `excess` orders those of one verdict: how far above (positive) or inside the
  /// bound.
  struct Outcome {
    Verdict verdict = Verdict::kPass;
    const Candidate* candidate = nullptr;
    const Bound* bound = nullptr;
    double excess = 0;
  };

  static Outcome Look(const Candidate& candidate, const std::vector<Bound>& bounds) {
    Outcome outcome{Verdict::kPass, &candidate, nullptr, 0};
    for (const Bound& bound : bounds) {
      const auto measured = Measured(candidate, bound);
      if (!measured || !std::isfinite(*measured) || !candidate.incomplete.empty()) {
        outcome.verdict = Verdict::kInconclusive;
        outcome.bound = &bound;
        return outcome;
      }
      const double excess = bound.is_max ? *measured - bound.value : bound.value - *measured;
      if (outcome.bound == nullptr || excess > outcome.excess) {
        outcome.bound = &bound;
        outcome.excess = excess;
      }
    }
    if (outcome.excess > 0) outcome.verdict = Verdict::kFail;
    return outcome;
  }

  void Decide(const std::vector<Candidate>& candidates) {
    std::optional<Outcome> worst;
    std::vector<std::vector<Bound>> kept;  // outcomes point into it
    kept.reserve(candidates.size());
    for (const Candidate& candidate : candidates) {
      const auto bounds = Bounds(candidate.unit);
      if (!bounds) return;
      kept.push_back(*bounds);
      const Outcome outcome = Look(candidate, kept.back());
      if (!worst || outcome.verdict > worst->verdict ||
          (outcome.verdict == worst->verdict && outcome.excess > worst->excess))
        worst = outcome;
    }
    Report(*worst);
  }

  void Report(const Outcome& outcome) {
    const Candidate& candidate = *outcome.candidate;
    if (outcome.bound == nullptr) {
      Push(Verdict::kError, candidate, fmt::format("the check on {} has no bound", check_.metric));
      return;
    }
    const auto measured = Measured(candidate, *outcome.bound);
    std::string message;
    if (!candidate.no_data.empty()) {
      message = fmt::format("no data for {}: {}", candidate.title, candidate.no_data);
    } else {
      message = fmt::format("{} is {}{}", candidate.title, FormatAmount(*candidate.value, candidate.unit),
                            candidate.note);
      if (outcome.bound->is_ratio) {
        const std::string base = FormatAmount(*candidate.base, candidate.unit);
        message += measured ? fmt::format(", {} times the {} of phase {}", FormatAmount(*measured, ""), base,
                                          *check_.vs_phase)
                            : fmt::format(", which cannot be compared with the {} of phase {}", base,
                                          *check_.vs_phase);
      }
      if (!candidate.incomplete.empty())
        message += ", but " + candidate.incomplete;
      else if (outcome.verdict == Verdict::kFail)
        message += BrokenBound(*outcome.bound, candidate.unit);
    }
    if (outcome.verdict == Verdict::kFail && !check_.because.empty())
      message += ": " + OneLine(check_.because);
    CheckResult& result = Push(outcome.verdict, candidate, std::move(message));
    result.value = outcome.bound->is_ratio ? measured : candidate.value;
    result.bound = outcome.bound->value;
    result.unit = outcome.bound->is_ratio ? "x" : candidate.unit;
  }

  static std::string BrokenBound(const Bound& bound, const std::string& unit) {
    return fmt::format(", {} the {}{} of {}", bound.is_max ? "above" : "below",
                       bound.is_max ? "maximum" : "minimum", bound.is_ratio ? " ratio" : "",
                       FormatAmount(bound.value, bound.is_ratio ? "" : unit));
  }

  CheckResult& Push(Verdict verdict, const Candidate& candidate, std::string message) {
    CheckResult result;
    result.verdict = verdict;
    result.check = check_.metric;
    result.path = placed_.path;
    result.phase = candidate.phase.empty() ? std::string(phase_.value_or("")) : candidate.phase;
    result.cgroup = candidate.cgroup.empty() ? check_.cgroup.value_or("") : candidate.cgroup;
    result.message = std::move(message);
    return results_.emplace_back(std::move(result));
  }

  const RunRecord& record_;
  const Stats& stats_;
  std::size_t missing_workers_;
  const PlacedCheck& placed_;
  const MetricCheck& check_;
  std::optional<std::string_view> phase_;
  CheckResults& results_;
};

}  // namespace

void JudgeMetric(const RunRecord& record, const Stats& stats, std::size_t missing_workers,
                 const PlacedCheck& check, CheckResults& results) {
  Judgement(record, stats, missing_workers, check, results).Run();
}

}  // namespace ktstr
