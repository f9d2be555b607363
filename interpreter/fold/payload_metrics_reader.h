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

/// All readers of a run together hold no more than so many bytes: of output that is yet to be read, and of
/// numbers that were found.
inline constexpr std::size_t kMaxHeldOutput = std::size_t{64} << 20;

/// What is left of that. One thread.
class OutputMemory {
 public:
  explicit OutputMemory(std::size_t bytes = kMaxHeldOutput) : left_(bytes) {}
  /// False, and nothing taken, when less is left.
  bool Take(std::size_t bytes) {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }
  void GiveBack(std::size_t bytes) { left_ += bytes; }

 private:
  std::size_t left_;
};

/// `spec`, `hints` and `memory` outlive it. The pieces in which output comes do not matter. Output that found
/// no room is not read at all, and the result's `unread` says so.
class PayloadMetricsReader {
 public:
  PayloadMetricsReader(const OutputSpec& spec, const NamedMap<MetricHint>& hints, OutputMemory& memory);
  PayloadMetricsReader(PayloadMetricsReader&&) noexcept;
  ~PayloadMetricsReader();

  /// Output as it comes. REQUIRES: not after Take().
  void Feed(Stream stream, std::string_view bytes);
  /// What was found, once, after all output: in stdout, or where that gave nothing in stderr.
  PayloadMetrics Take();

 private:
  class OfStream;
  PayloadMetrics TakeFound();

  OutputMemory* memory_;
  std::array<std::unique_ptr<OfStream>, 2> streams_;
};

}  // namespace ktstr
