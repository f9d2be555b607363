// Percentiles of reservoirs: each worker keeps some of its samples and says how many there were.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "guest-init/base/saturating.h"
#include "guest-init/base/xorshift.h"
#include "guest-init/wire/report.h"

namespace ktstr {

struct WeightedSample {
  std::uint64_t value = 0;
  double weight = 1;  // how many observations it stands for
  friend bool operator==(const WeightedSample&, const WeightedSample&) = default;
};

/// Reservoirs of several workers, first filled, then sealed (sorted) and read.
class Samples {
 public:
  explicit Samples(std::size_t cap = kReportSamples) : cap_(cap) {}

  /// Adds the reservoir of one worker that made `total` observations. Each sample weighs total / kept.
  /// Without samples although there were observations (a stripped report) the set is incomplete from then on.
  ///
  /// When more than `cap` samples come together, `cap` of them are drawn with replacement: each draw takes
  /// the old (A) or the new (B) side in proportion to their observations, then one of its samples by weight.
  /// The draws are those of XorShift64 seeded with (w_a ^ rotl(w_b, 32) ^ rotl(len_a, 16) ^ len_b) *
  /// 0x9E3779B97F4A7C15, so a run folds the same each time. REQUIRES: not sealed.
  void Add(std::span<const std::uint64_t> values, std::uint64_t total);
  /// Adds all of another set as it is weighted, without thinning. REQUIRES: not sealed; Add is not used.
  void Pool(const Samples& other);
  void Seal();

  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::size_t kept() const { return samples_.size(); }
  [[nodiscard]] bool incomplete() const { return incomplete_; }
  [[nodiscard]] std::span<const WeightedSample> items() const { return samples_; }

  // Each is nothing when there are no samples, or the set is incomplete. REQUIRES: sealed.

  /// The smallest value whose cumulative weight reaches max(1, ceil(W * permille / 1000)); with equal weights
  /// that is the element at ceil(n * p) - 1. The median is the lower middle.
  [[nodiscard]] std::optional<std::uint64_t> Percentile(std::uint32_t permille) const;
  [[nodiscard]] std::optional<std::uint64_t> Max() const { return Percentile(1000); }
  /// Population standard deviation over mean; 0 when all are 0. Nothing below two observations.
  [[nodiscard]] std::optional<double> Cv() const;

 private:
  struct Source {
    std::size_t begin = 0;
    std::size_t size = 0;
    std::uint64_t total = 0;
  };
  void Thin(std::span<const std::uint64_t> values, std::uint64_t total);
  [[nodiscard]] bool readable() const { return !samples_.empty() && !incomplete_; }

  std::size_t cap_;
  std::vector<WeightedSample> samples_;
  std::vector<Source> sources_;
  std::uint64_t weight_ = 0;  // observations that samples_ stands for
  std::uint64_t total_ = 0;   // all observations
  bool incomplete_ = false;
};

/// Population standard deviation over mean of plain numbers; nothing below two of them, 0 when the mean is.
std::optional<double> Cv(std::span<const double> values);

}  // namespace ktstr
