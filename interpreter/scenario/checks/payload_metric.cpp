#include "interpreter/scenario/checks/payload_metric.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/plan/quantity.h"

namespace ktstr {
namespace {

/// "a, b, c, ...": what a payload did print, for one whose metric is missing.
std::string Found(const PayloadMetrics& metrics) {
  constexpr std::size_t kShown = 5;
  if (metrics.metrics.empty()) return metrics.notes.empty() ? "it printed none" : metrics.notes.front();
  std::string names = "it printed ";
  for (std::size_t i = 0; i < std::min(kShown, metrics.metrics.size()); ++i)
    names += (i == 0 ? "" : ", ") + metrics.metrics[i].name;
  return metrics.metrics.size() > kShown ? names + ", ..." : names;
}

}  // namespace

std::optional<PayloadNumber> FindPayloadMetric(const PayloadResult& payload, std::string_view kind,
                                               const std::string& metric, CheckResult& result) {
  result.check = fmt::format("{} {} of payload {}", kind, metric, payload.name);
  auto number = ReadPayload(payload, metric);
  if (!number) {
    const std::string& unread = payload.metrics.unread;
    result.verdict = unread.empty() ? Verdict::kFail : Verdict::kInconclusive;
    result.message = fmt::format("{} gave no metric {}: {}", PayloadTitle(payload), metric,
                                 OneLine(unread.empty() ? Found(payload.metrics) : unread));
    return std::nullopt;
  }
  result.value = number->value;
  result.unit = number->unit;
  result.message =
      fmt::format("{} of {} is {}", metric, PayloadTitle(payload), FormatAmount(number->value, number->unit));
  return number;
}

}  // namespace ktstr
