// Counters of strangers are added without ever wrapping around.
#pragma once

#include <cstdint>
#include <limits>

namespace ktstr {

/// a + b, or the largest value when that does not fit.
constexpr std::uint64_t AddSaturating(std::uint64_t a, std::uint64_t b) {
  return a + b < a ? std::numeric_limits<std::uint64_t>::max() : a + b;
}

}  // namespace ktstr
