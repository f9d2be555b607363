// Numbers out of a payload's output while it comes. However much that is, the memory is bounded, and what
// could not be read is said.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "interpreter/fold/payload_metrics.h"

namespace ktstr {

/// A JSON document is read whole; of a longer one nothing is.
inline constexpr std::size_t kMaxJsonOutput = std::size_t{16} << 20;

/// `spec` and `hints` outlive it. The pieces in which output comes do not matter.
class PayloadMetricsReader {
 public:
  PayloadMetricsReader(const OutputSpec& spec, const NamedMap<MetricHint>& hints);
  PayloadMetricsReader(PayloadMetricsReader&&) noexcept;
  ~PayloadMetricsReader();

  /// Output as it comes. REQUIRES: not after Take().
  void Feed(Stream stream, std::string_view bytes);
  /// What was found, once, after all output: in stdout, or where that gave nothing in stderr.
  PayloadMetrics Take();

 private:
  class OfStream;
  std::array<std::unique_ptr<OfStream>, 2> streams_;
};

}  // namespace ktstr
