// A fair sample of a stream of unknown length, in bounded memory.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "guest-init/base/xorshift.h"

namespace ktstr {

/// Algorithm R: the first `capacity` samples are kept; sample number n after them replaces a random one with
/// probability capacity/n, so at any moment each sample seen is held with the same probability.
class Reservoir {
 public:
  /// REQUIRES: capacity > 0.
  explicit Reservoir(std::size_t capacity) : capacity_(capacity) {}

  /// Costs no more than a division; allocates until `capacity` is reached.
  void Add(std::uint64_t sample, Xorshift64& rng) {
    ++total_;
    if (samples_.size() < capacity_) {
      samples_.push_back(sample);
    } else if (const std::uint64_t slot = rng.Next() % total_; slot < capacity_) {
      samples_[slot] = sample;
    }
  }

  /// How many samples were offered, kept or not.
  [[nodiscard]] std::uint64_t total() const { return total_; }
  /// Those kept, in no order that means anything; until the next Add() or Take().
  [[nodiscard]] const std::vector<std::uint64_t>& samples() const { return samples_; }
  /// Hands out what is kept and starts over.
  std::vector<std::uint64_t> Take() {
    total_ = 0;
    return std::exchange(samples_, {});
  }

 private:
  std::size_t capacity_;
  std::uint64_t total_ = 0;  // since the last Take()
  std::vector<std::uint64_t> samples_;
};

}  // namespace ktstr
