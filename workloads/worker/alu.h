// Arithmetic that keeps the multipliers of a core busy, as wide as asked for.
#pragma once

#include <cstdint>

#include "guest-init/base/decl.h"

namespace ktstr {

enum class AluWidth : std::uint8_t { kScalar, kVec128, kVec256, kVec512, kWidest };
inline constexpr EnumValue kAluWidths[] = {{"scalar", 0, "One 32-bit number at a time."},
                                           {"vec128", 1, "Four (SSE4.1)."},
                                           {"vec256", 2, "Eight (AVX2)."},
                                           {"vec512", 3, "Sixteen (AVX-512)."},
                                           {"widest", 4, "As many as this CPU can."}};
constexpr EnumDecl DescribeEnum(AluWidth) { return {"AluWidth", kAluWidths, nullptr, nullptr}; }

/// Multiplications of a chain in one Step().
inline constexpr std::uint64_t kAluSteps = 1024;

/// Four independent chains of kAluSteps multiplications each.
class AluChains {
 public:
  /// Whether this CPU can. kScalar and kWidest hold for every one.
  static bool Has(AluWidth width);
  /// REQUIRES: Has(width).
  explicit AluChains(AluWidth width);
  /// Does each chain's steps once.
  void Step() { step_(lanes_); }

 private:
  static constexpr int kLanes = 4 * 16;  // four chains of up to 16 numbers
  using Lanes = std::uint32_t[kLanes];
  // Of a chain's numbers as many as fit into a Word; the compiler has to be told what the CPU can.
  template <typename Word>
  static void Multiply(Lanes& lanes);
  static void Step128(Lanes& lanes);
  static void Step256(Lanes& lanes);
  static void Step512(Lanes& lanes);

  void (*step_)(Lanes& lanes);
  alignas(64) Lanes lanes_;
};

}  // namespace ktstr
