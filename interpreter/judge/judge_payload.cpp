// Checks on payloads: the exit code first, then what they printed.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/fold/metrics.h"
#include "interpreter/judge/judge_parts.h"

namespace ktstr {
namespace {

constexpr std::size_t kStderrTail = 1024;
constexpr std::size_t kLastLine = 160;

/// How it ended when that was not with the code wanted.
std::string EndOf(const PayloadDone& done) {
  switch (done.end) {
    case PayloadEnd::kKilled:
      return "was killed by KillPayload before it ended";
    case PayloadEnd::kTimedOut:
      return "did not end within its wait and was killed";
    case PayloadEnd::kCollected:
      return "was still running when its time was over and was killed";
    case PayloadEnd::kExited:
      break;
  }
  if (done.signal != 0) return "was killed by " + SignalName(done.signal);
  return fmt::format("exited with code {}", done.exit_code);
}

std::string LastLine(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  if (const std::size_t end = text.find_last_of("\r\n"); end != std::string_view::npos)
    text.remove_prefix(end + 1);
  return OneLine(TailOf(text, kLastLine));
}

/// "a, b, c, ...": what a payload did print, for one whose metric is missing.
std::string Found(const PayloadMetrics& metrics) {
  constexpr std::size_t kShown = 5;
  if (metrics.metrics.empty()) return metrics.notes.empty() ? "it printed none" : metrics.notes.front();
  std::string names = "it printed ";
  for (std::size_t i = 0; i < std::min(kShown, metrics.metrics.size()); ++i)
    names += (i == 0 ? "" : ", ") + metrics.metrics[i].name;
  return metrics.metrics.size() > kShown ? names + ", ..." : names;
}

class PayloadJudge {
 public:
  PayloadJudge(const RunRecord& record, const PlacedPayloadChecks& placed, const PayloadResult& payload,
               CheckResults& results)
      : record_(record), placed_(placed), payload_(payload), results_(results) {}

  void Run() {
    for (std::size_t i = 0; i < placed_.checks.size(); ++i)
      if (placed_.checks[i].exit_code && !ExitCodeHolds(i)) return;
    for (std::size_t i = 0; i < placed_.checks.size(); ++i) {
      const PayloadCheck& check = placed_.checks[i];
      if (check.min) Bounded(i, "min", check.min->metric, &check.min->value, nullptr);
      if (check.max) Bounded(i, "max", check.max->metric, nullptr, &check.max->value);
      if (check.range) Bounded(i, "range", check.range->metric, &check.range->lo, &check.range->hi);
      if (check.exists) Bounded(i, "exists", *check.exists, nullptr, nullptr);
    }
  }

 private:
  bool ExitCodeHolds(std::size_t index) {
    const std::int32_t wanted = *placed_.checks[index].exit_code;
    const PayloadDone& done = payload_.done;
    const bool holds = done.end == PayloadEnd::kExited && done.signal == 0 && done.exit_code == wanted;
    CheckResult& result = Push(index, fmt::format("exit_code of payload {}", placed_.payload));
    result.value = done.exit_code;
    result.bound = wanted;
    result.message = fmt::format("{} {}", PayloadTitle(payload_), EndOf(done));
    if (holds) return true;
    result.verdict = Verdict::kFail;
    result.message += fmt::format(", wanted exit code {}", wanted);
    if (const std::string line = LastLine(payload_.stderr_text); !line.empty())
      result.message += "; stderr ends: " + line;
    result.detail = TailOf(payload_.stderr_text, kStderrTail);
    return false;
  }

  /// `lo` and `hi` may be null; without both the metric has to be there only.
  void Bounded(std::size_t index, std::string_view kind, const std::string& metric, const Quantity* lo,
               const Quantity* hi) {
    CheckResult& result = Push(index, fmt::format("{} {} of payload {}", kind, metric, placed_.payload));
    const auto number = ReadPayload(payload_, metric);
    if (!number) {
      result.verdict = Verdict::kFail;
      result.message = fmt::format("{} gave no metric {}: {}", PayloadTitle(payload_), metric,
                                   OneLine(Found(payload_.metrics)));
      return;
    }
    result.value = number->value;
    result.unit = number->unit;
    result.message = fmt::format("{} of {} is {}", metric, PayloadTitle(payload_),
                                 FormatAmount(number->value, number->unit));
    for (const Quantity* quantity : {lo, hi}) {
      if (quantity == nullptr) continue;
      const bool is_max = quantity == hi;
      const Result<double> bound = quantity->In(number->unit);
      if (!bound) {
        result.verdict = Verdict::kError;
        result.message = fmt::format("the bound of {} makes no sense: {}", metric, bound.error().message);
        return;
      }
      result.bound = *bound;
      if (is_max ? number->value <= *bound : number->value >= *bound) continue;
      result.verdict = Verdict::kFail;
      result.message += fmt::format(", {} of {}", is_max ? "above the maximum" : "below the minimum",
                                    FormatAmount(*bound, number->unit));
      return;
    }
  }

  CheckResult& Push(std::size_t index, std::string check) {
    CheckResult result;
    result.check = std::move(check);
    result.path = JoinPath(placed_.path, index);
    result.phase = PhaseName(record_, payload_.phase);
    result.cgroup = payload_.cgroup;
    result.counts = placed_.gate;
    return results_.emplace_back(std::move(result));
  }

  const RunRecord& record_;
  const PlacedPayloadChecks& placed_;
  const PayloadResult& payload_;
  CheckResults& results_;
};

}  // namespace

std::string PayloadTitle(const PayloadResult& payload) {
  return payload.cgroup.empty() ? fmt::format("payload {}", payload.name)
                                : fmt::format("payload {} in cgroup {}", payload.name, payload.cgroup);
}

std::optional<PayloadNumber> ReadPayload(const PayloadResult& payload, std::string_view metric) {
  const PayloadDone& done = payload.done;
  if (metric == kPayloadExitCode) {
    if (done.signal != 0 || done.end != PayloadEnd::kExited) return std::nullopt;
    return PayloadNumber{static_cast<double>(done.exit_code), ""};
  }
  if (metric == kPayloadDuration) {
    if (done.ended_ns < done.started_ns) return std::nullopt;
    return PayloadNumber{static_cast<double>(done.ended_ns - done.started_ns) / 1e6, "ms"};
  }
  const PayloadMetric* found = payload.metrics.Find(metric);
  if (found == nullptr) return std::nullopt;
  return PayloadNumber{found->value, found->unit};
}

void JudgePayloads(const RunRecord& record, const std::vector<PlacedPayloadChecks>& payloads,
                   CheckResults& results) {
  for (const PayloadResult& payload : record.payloads)
    for (const PlacedPayloadChecks& placed : payloads)
      if (placed.payload == payload.name) PayloadJudge(record, placed, payload, results).Run();
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

}  // namespace ktstr
