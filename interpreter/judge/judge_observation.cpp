// Checks on what was seen of the guest from outside: values in snapshots, reads, fires of watches, and how
// values follow each other over time; and the monitor's verdict.
#include <fmt/format.h>

#include <cmath>

#include "interpreter/judge/judge_parts.h"
#include "interpreter/judge/observed_values.h"

namespace ktstr {
namespace {

/// As the value it is compared with is written: 200000000, not 2e+08.
std::string BoundText(const Quantity& bound) {
  const auto* number = std::get_if<double>(&bound.value);
  const bool whole = number != nullptr && *number == std::floor(*number) && std::fabs(*number) < 1e15;
  return whole ? fmt::format("{:.0f}", *number) : FormatQuantity(bound);
}

class ObservationCheck {
 public:
  ObservationCheck(const RunRecord& record, const Observations& observed, const PlacedCheck& placed,
                   CheckResults& results)
      : record_(record), observed_(observed), placed_(placed), check_(placed.check), results_(results) {}

  void Run() {
    if (check_.over_time) return JudgeSeries();
    const ObservedValue seen = check_.snapshot ? ValueInSnapshot(observed_, record_, check_)
                               : check_.read   ? ValueOfRead(observed_, record_, *check_.read)
                                               : FiresOfWatch(observed_, *check_.watch);
    if (!seen.fault.empty()) {
      CheckResult& result = Push(seen.verdict, seen.title, seen.fault);
      result.phase = seen.phase;
      return;
    }
    Decide(seen);
  }

 private:
  void JudgeSeries() {
    const Series series = check_.read ? SeriesOfReads(observed_, record_, *check_.read)
                                      : SeriesInSnapshots(observed_, record_, check_);
    TemporalVerdict verdict = JudgeTemporal(series, *check_.over_time);
    if (!check_.read && observed_.periodic_target == 0)
      verdict.message =
          fmt::format("{}: there are no periodic snapshots; ask for them with `snapshots: {{periodic: 5}}`",
                      series.label);
    CheckResult& result = Push(verdict.verdict, series.label, verdict.message);
    result.detail = verdict.detail;
  }

  void Decide(const ObservedValue& seen) {
    if (check_.equals) return DecideText(seen);
    if (!seen.number) {
      Push(Verdict::kError, seen.title,
           fmt::format("{} is {}, which is not a number", seen.title, seen.text));
      return;
    }
    Verdict verdict = Verdict::kPass;
    std::string broken;
    std::optional<double> bound;
    const auto hold = [&](const Quantity& quantity, bool is_max) {
      const Result<double> value = quantity.In("");
      if (!value.ok()) {
        verdict = Verdict::kError;
        broken = ", and its bound makes no sense: " + value.error().message;
        return;
      }
      const bool out = is_max ? *seen.number > *value : *seen.number < *value;
      if (!bound || out) bound = *value;
      if (!out || verdict != Verdict::kPass) return;
      // A count that is a lower bound can break a maximum, but says nothing about a minimum it is below of.
      verdict = seen.at_least && !is_max ? Verdict::kInconclusive : Verdict::kFail;
      broken = fmt::format(", {} the {} of {}", is_max ? "above" : "below", is_max ? "maximum" : "minimum",
                           BoundText(quantity));
    };
    if (check_.min) hold(*check_.min, false);
    if (check_.max) hold(*check_.max, true);
    for (std::size_t i = 0; i < check_.between.size(); ++i) hold(check_.between[i], i == 1);
    // Likewise, that it is within a maximum cannot be known.
    const bool has_max = check_.max || !check_.between.empty();
    if (verdict == Verdict::kPass && seen.at_least && has_max) {
      verdict = Verdict::kInconclusive;
      broken = ", and more may have been missed";
    }
    CheckResult& result =
        Push(verdict, seen.title,
             fmt::format("{} is {}{}{}", seen.title, seen.at_least ? "at least " : "", seen.text, broken));
    result.value = static_cast<double>(*seen.number);
    result.bound = bound;
    result.phase = seen.phase;
  }

  void DecideText(const ObservedValue& seen) {
    const bool same = seen.text == check_.equals->text || seen.bare_text == check_.equals->text;
    CheckResult& result = Push(same ? Verdict::kPass : Verdict::kFail, seen.title,
                               fmt::format("{} is {}{}", seen.title, seen.text,
                                           same ? "" : fmt::format(", not {}", check_.equals->text)));
    result.phase = seen.phase;
  }

  CheckResult& Push(Verdict verdict, std::string title, std::string message) {
    CheckResult result;
    result.verdict = verdict;
    result.check = std::move(title);
    result.path = placed_.path;
    result.message = std::move(message);
    if (verdict == Verdict::kFail && !check_.because.empty())
      result.message += ": " + OneLine(check_.because);
    return results_.emplace_back(std::move(result));
  }

  const RunRecord& record_;
  const Observations& observed_;
  const PlacedCheck& placed_;
  const MetricCheck& check_;
  CheckResults& results_;
};

}  // namespace

void JudgeObservation(const RunRecord& record, const Observations& observed, const PlacedCheck& check,
                      CheckResults& results) {
  ObservationCheck(record, observed, check, results).Run();
}

void JudgeMonitor(const Observations& observed, CheckResults& results) {
  if (!observed.monitor) return;
  const MonitorRecord& monitor = *observed.monitor;
  CheckResult result;
  result.check = "monitor";
  result.path = "monitor";
  result.verdict = monitor.verdict;
  result.message = monitor.violations.empty() ? monitor.text : monitor.violations.front();
  for (std::size_t i = 1; i < monitor.violations.size(); ++i) result.detail += monitor.violations[i] + "\n";
  // A report-only monitor says what it saw, and passes.
  if (result.verdict == Verdict::kFail && !monitor.enforce) result.counts = false;
  results.push_back(std::move(result));
}

}  // namespace ktstr
