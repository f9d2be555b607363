#include "interpreter/scenario/checks/bounds.h"

#include <fmt/format.h>

#include <cmath>

namespace ktstr {

void BoundRules(const BoundsView& bounds, RuleSink& sink) {
  if (!bounds.between.empty()) {
    if (bounds.between.size() != 2)
      sink.Diagnose("between", "two numbers are wanted: [lowest, highest]");
    else if (bounds.between[0].SurelyMoreThan(bounds.between[1]))
      sink.Diagnose("between", "the first number is above the second");
    if (bounds.min || bounds.max) sink.Diagnose("between", "between already says min and max");
  }
  if (bounds.min && bounds.max && bounds.min->SurelyMoreThan(*bounds.max))
    sink.Diagnose("min", "min is above max");
}

void PlainBoundRules(const BoundsView& bounds, RuleSink& sink) {
  const auto plain = [&](std::string_view field, const Quantity& bound) {
    const Result<double> value = bound.In("");
    if (!value.ok()) sink.Diagnose(field, value.error().message);
  };
  if (bounds.min) plain("min", *bounds.min);
  if (bounds.max) plain("max", *bounds.max);
  for (const Quantity& bound : bounds.between) plain("between", bound);
}

void ResolveBounds(const BoundsView& bounds, std::string_view unit, CheckSite& site) {
  if (bounds.min) site.FitsUnit("min", *bounds.min, unit);
  if (bounds.max) site.FitsUnit("max", *bounds.max, unit);
  for (std::size_t i = 0; i < bounds.between.size(); ++i)
    site.FitsUnit(fmt::format("between/{}", i), bounds.between[i], unit);
  if (bounds.between.size() != 2) return;
  const Result<double> lo = bounds.between[0].In(unit);
  const Result<double> hi = bounds.between[1].In(unit);
  if (lo && hi && *lo > *hi && !bounds.between[0].SurelyMoreThan(bounds.between[1]))
    site.Bad("between", "the first number is above the second");
}

void ResolveSpan(const BoundsView& bounds, std::string_view what, std::string_view unit, ValueSpan span,
                 CheckSite& site) {
  const std::string possible =
      std::isfinite(span.highest)
          ? fmt::format("from {} to {}", FormatAmount(span.lowest, unit), FormatAmount(span.highest, unit))
          : fmt::format("at least {}", FormatAmount(span.lowest, unit));
  const auto look = [&](const std::string& field, const Quantity& bound, bool is_max) {
    const Result<double> value = bound.In(unit);
    if (!value) return;  // said already
    const bool none_keeps = is_max ? *value < span.lowest : *value > span.highest;
    const bool none_breaks = is_max ? *value >= span.highest : *value <= span.lowest;
    if (none_keeps)
      site.Bad(field, fmt::format("no run can fulfil this: {} is {}", what, possible));
    else if (none_breaks)
      site.Bad(field, fmt::format("no run can break this: {} is {}", what, possible));
  };
  if (bounds.min) look("min", *bounds.min, false);
  if (bounds.max) look("max", *bounds.max, true);
  if (bounds.between.size() != 2) return;
  const Result<double> lo = bounds.between[0].In(unit);
  const Result<double> hi = bounds.between[1].In(unit);
  if (!lo || !hi) return;
  // One end may well be that of the range.
  if (*lo > span.highest || *hi < span.lowest)
    site.Bad("between", fmt::format("no run can fulfil this: {} is {}", what, possible));
  else if (*lo <= span.lowest && *hi >= span.highest)
    site.Bad("between", fmt::format("no run can break this: {} is {}", what, possible));
}

}  // namespace ktstr
