#include "interpreter/temporal/temporal_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "guest-init/base/units.h"
#include "ops/plan/quantity.h"

namespace ktstr {

static_assert(std::numeric_limits<long double>::digits >= 64, "every 64-bit integer must fit exactly");

long double ExactNumber(const SampleValue& value) {
  return std::visit([](auto held) { return static_cast<long double>(held); }, value);
}

double Number(const SampleValue& value) { return static_cast<double>(ExactNumber(value)); }

std::string ValueText(const SampleValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* real = std::get_if<double>(&value)) return FormatDouble(*real);
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  return std::to_string(std::get<std::uint64_t>(value));
}

std::string SampleName(const Sample& sample) {
  return fmt::format("{} (+{}ms)", sample.tag,
                     sample.elapsed_ms ? FormatAmount(*sample.elapsed_ms, "") : "?");
}

std::size_t Series::CountValues() const {
  return static_cast<std::size_t>(
      std::count_if(samples.begin(), samples.end(), [](const Sample& sample) { return sample.value.ok(); }));
}

std::string Series::PhaseName(std::uint32_t phase) const {
  return phase < phase_names.size() ? phase_names[phase] : fmt::format("phase {}", phase);
}

std::optional<std::uint32_t> Series::FindPhase(std::string_view name) const {
  const auto at = std::find(phase_names.begin(), phase_names.end(), name);
  if (at == phase_names.end()) return std::nullopt;
  return static_cast<std::uint32_t>(at - phase_names.begin());
}

std::size_t PatternResult::Count(TemporalOutcome::Kind kind) const {
  return static_cast<std::size_t>(
      std::count_if(outcomes.begin(), outcomes.end(),
                    [&](const TemporalOutcome& outcome) { return outcome.kind == kind; }));
}

}  // namespace ktstr
