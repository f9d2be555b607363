#include "interpreter/scenario/checks/check_site.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/fold/metrics.h"
#include "ops/plan/suggest.h"

namespace ktstr {
namespace {

std::optional<std::string_view> BuiltInUnit(std::string_view metric) {
  if (metric == kPayloadExitCode) return "";
  if (metric == kPayloadDuration) return "ms";
  return std::nullopt;
}

}  // namespace

std::string CheckSite::At(std::string_view field) const {
  std::string path(path_);
  if (!field.empty() && !path.empty()) path += '/';
  return path.append(field);
}

void CheckSite::Unknown(std::string_view field, std::string message, std::string hint) {
  diagnostics_.Error(At(field), "unknown-name", std::move(message), std::move(hint));
}

void CheckSite::Bad(std::string_view field, std::string message, std::string hint) {
  diagnostics_.Error(At(field), "bad-check", std::move(message), std::move(hint));
}

void CheckSite::Known(std::string_view field, Refers kind, std::string_view what,
                      const std::optional<std::string>& name, const std::vector<std::string>& all) {
  if (!name || std::find(all.begin(), all.end(), *name) != all.end()) return;
  if (names_.doubts.MayMake(kind)) return;
  Unknown(field, fmt::format("there is no {} '{}' in this scenario", what, *name), DidYouMean(*name, all));
}

bool CheckSite::Unread(std::string_view field) const {
  return names_.broken != nullptr && names_.broken->Touches(At(field));
}

void CheckSite::FitsUnit(std::string_view field, const Quantity& bound, std::string_view unit) {
  const Result<double> value = bound.In(unit);
  if (!value) diagnostics_.Error(At(field), "wrong-unit", value.error().message);
}

const CheckNames::Payload* PayloadNames::Find(std::string_view payload) const {
  for (const CheckNames::Payload& known : site_.names().payloads)
    if (known.name == payload) return &known;
  return nullptr;
}

void PayloadNames::KnownMetric(const CheckNames::Payload& payload, const std::string& metric,
                               std::string_view field) {
  if (!payload.metrics || BuiltInUnit(metric)) return;  // without a list only its output tells
  const auto& all = *payload.metrics;
  if (std::find(all.begin(), all.end(), metric) != all.end()) return;
  std::string hint = DidYouMean(metric, all);
  if (all.empty()) hint = "say how they are found with `output: {parse: ...}`";
  site_.Unknown(field,
                all.empty() ? fmt::format("the output of payload '{}' is not read for metrics", payload.name)
                            : fmt::format("payload '{}' has no metric '{}'", payload.name, metric),
                std::move(hint));
}

std::optional<std::string_view> PayloadNames::UnitOf(const CheckNames::Payload& payload,
                                                     std::string_view metric) {
  if (const auto unit = BuiltInUnit(metric)) return unit;
  const std::string* unit = payload.units.Find(metric);
  return unit == nullptr ? std::nullopt : std::optional<std::string_view>(*unit);
}

}  // namespace ktstr
