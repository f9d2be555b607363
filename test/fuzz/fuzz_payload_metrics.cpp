// Any bytes through every parser of payload output. The first byte picks the parser; for regex the pattern is
// the text up to the first NUL.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "interpreter/fold/payload_metrics.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ktstr;
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  OutputSpec spec;
  spec.parse = static_cast<OutputParse>(data[0] % 4);
  if (spec.parse == OutputParse::kRegex) {
    const std::size_t end = std::min(text.find('\0'), text.size());
    spec.regex.items = {{"found", std::string(text.substr(0, end))}};
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  NamedMap<MetricHint> hints;
  hints.items = {{"renamed", {"a.0", "ms", Polarity::kLower}}};
  const PayloadMetrics found = ExtractMetrics(spec, hints, text, text);
  for (const PayloadMetric& metric : found.metrics)
    if (metric.name.empty() || !std::isfinite(metric.value)) std::abort();
  for (const std::string& note : found.notes)
    if (note.find('\n') != std::string::npos) std::abort();
  return 0;
}
