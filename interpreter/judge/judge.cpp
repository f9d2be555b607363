#include "interpreter/judge/judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/scenario/checks/metric_values.h"
#include "interpreter/scenario/defaults/default_check.h"

namespace ktstr {
namespace {

void JudgeDefaults(const RunFacts& run, const DefaultChecks& settings, const std::string& path,
                   CheckResults& results) {
  for (const DefaultCheck& check : DefaultCheckTable()) {
    if (!*static_cast<const bool*>(check.field.Member(&settings))) continue;
    const std::size_t before = results.size();
    DefaultSite site(check.field.name, settings, run, results);
    check.judge(site);
    for (std::size_t i = before; i < results.size(); ++i) {
      results[i].path = path;
      results[i].kind = check.field.name;
    }
  }
}

CheckResult JudgeCheck(const PlacedCheck& placed, RunFacts run, const Compared& compared) {
  run.step = placed.step;
  run.path = placed.path;
  run.other_variant = placed.other_variant;
  run.wait_pct = compared.wait_pct;
  for (const VariantNumbers& other : compared.variants)
    if (other.variant == placed.other_variant) run.compared = &other;
  const CheckKind* const kind = KindOf(placed.check);
  CheckResult result;
  if (kind == nullptr) {
    result.verdict = Verdict::kError;
    result.message = "the check says nothing";
  } else {
    result = kind->judge(placed.check.kind.data(), run);
    result.kind = kind->args().name;
  }
  result.path = placed.path;
  if (result.verdict == Verdict::kFail && !placed.check.because.empty())
    result.message += ": " + OneLine(placed.check.because);
  return result;
}

void JudgeMonitor(const Observations& observed, CheckResults& results) {
  if (!observed.monitor) return;
  const MonitorRecord& monitor = *observed.monitor;
  CheckResult result;
  result.kind = kMonitorKind;
  result.check = kMonitorKind;
  result.path = "monitor";
  result.verdict = monitor.verdict;
  result.message = monitor.violations.empty() ? monitor.text : monitor.violations.front();
  for (std::size_t i = 1; i < monitor.violations.size(); ++i) result.detail += monitor.violations[i] + "\n";
  // A report-only monitor says what it saw, and passes.
  if (result.verdict == Verdict::kFail && !monitor.enforce) result.counts = false;
  results.push_back(std::move(result));
}

/// The checks of one payload on one of its runs.
void JudgePayload(const RunRecord& record, const PlacedPayloadChecks& placed, const PayloadResult& payload,
                  CheckResults& results) {
  const auto judge = [&](std::size_t i, const PayloadCheckKind& kind) {
    CheckResult result = kind.judge(placed.checks[i].kind.data(), payload);
    result.kind = kind.args().name;
    result.path = JoinPath(placed.path, i);
    result.phase = PhaseName(record, payload.phase);
    result.cgroup = payload.cgroup;
    result.counts = placed.gate;
    result.at_ns = payload.done.ended_ns;
    results.push_back(std::move(result));
    return results.back().verdict == Verdict::kPass;
  };
  for (const bool deciding : {true, false})
    for (std::size_t i = 0; i < placed.checks.size(); ++i)
      if (const PayloadCheckKind* kind = KindOf(placed.checks[i]); kind != nullptr)
        if (kind->decides == deciding && !judge(i, *kind) && deciding) return;
}

void JudgePayloads(const RunRecord& record, const std::vector<PlacedPayloadChecks>& payloads,
                   CheckResults& results) {
  for (const PayloadResult& payload : record.payloads)
    for (const PlacedPayloadChecks& placed : payloads)
      if (placed.payload == payload.name) JudgePayload(record, placed, payload, results);
  for (const PlacedPayloadChecks& placed : payloads) {
    const auto same = [&](const PayloadResult& payload) { return payload.name == placed.payload; };
    if (placed.checks.empty() || std::any_of(record.payloads.begin(), record.payloads.end(), same)) continue;
    CheckResult result;
    result.verdict = Verdict::kInconclusive;
    result.check = fmt::format("checks of payload {}", placed.payload);
    result.path = placed.path;
    result.message = fmt::format("payload {} left no result for its checks to judge", placed.payload);
    result.counts = placed.gate;
    results.push_back(std::move(result));
  }
}

/// When what a result is about was over at the latest.
std::uint64_t TimeOf(const CheckResult& result, const RunRecord& record) {
  if (result.at_ns) return *result.at_ns;
  for (const PhaseWindow& phase : record.phases)
    if (phase.name == result.phase && phase.ended) return phase.end_ns;
  return UINT64_MAX;
}

}  // namespace

std::vector<CheckResult> Judge(const RunRecord& record, const Stats& stats, const CheckList& checks,
                               const Observations& observed, const Compared& compared) {
  CheckResults results;
  const std::vector<GroupReports> groups = GroupsOf(record);
  const RunFacts run{record, stats, observed, groups, checks.payload_rules, checks.expected_ends};
  JudgeDefaults(run, checks.defaults, checks.defaults_path, results);
  for (const PlacedCheck& check : checks.checks)
    if (!check.only_measures) results.push_back(JudgeCheck(check, run, compared));
  JudgeMonitor(observed, results);
  JudgePayloads(record, checks.payloads, results);
  return results;
}

std::vector<VariantNumber> NumbersForOthers(const RunRecord& record, const Stats& stats,
                                            const CheckList& checks) {
  std::vector<VariantNumber> numbers;
  const std::vector<GroupReports> groups = GroupsOf(record);
  const Observations nothing;
  for (const PlacedCheck& placed : checks.checks) {
    if (!placed.only_measures) continue;
    RunFacts run{record, stats, nothing, groups};
    run.step = placed.step;
    run.path = placed.path;
    std::ranges::move(NumbersForOthers(placed.check.kind.As<MetricCheck>(), run),
                      std::back_inserter(numbers));
  }
  return numbers;
}

Verdict Overall(std::span<const CheckResult> results) {
  Verdict worst = Verdict::kPass;
  for (const CheckResult& result : results)
    if (result.counts) worst = Worse(worst, result.verdict);
  return worst;
}

const CheckResult* FirstCause(std::span<const CheckResult> results, const RunRecord& record) {
  const Verdict worst = Overall(results);
  if (worst == Verdict::kPass) return nullptr;
  const auto is_worst = [&](const CheckResult& result) { return result.counts && result.verdict == worst; };
  const CheckResult* first = &*std::find_if(results.begin(), results.end(), is_worst);
  for (const CheckResult& result : results)
    if (is_worst(result) && result.at_ns && *result.at_ns < TimeOf(*first, record)) first = &result;
  return first;
}

}  // namespace ktstr
