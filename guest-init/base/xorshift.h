// The one random generator of guest and host: small, seeded, the same everywhere.
#pragma once

#include <cstdint>

namespace ktstr {

/// The xorshift64 generator (shifts 13, 7, 17): cheap enough to call between two scheduling events.
class Xorshift64 {
 public:
  /// Zero is the one state the generator cannot leave, so it is replaced.
  explicit Xorshift64(std::uint64_t seed) : state_(seed != 0 ? seed : 0x9E3779B97F4A7C15) {}

  /// The next number of the sequence; never 0.
  std::uint64_t Next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

 private:
  std::uint64_t state_;
};

}  // namespace ktstr
