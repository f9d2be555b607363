// A comparison with a constant, as authors write it: `> 5`, `!= 0x10`, `changed`.
#pragma once

#include <cstdint>
#include <string>

#include "guest-init/base/decl.h"

namespace ktstr {

/// A value `x` is held against it: x < value for kLess, and so on.
struct Comparison {
  enum class Kind : std::uint8_t { kEqual, kNotEqual, kLess, kAtMost, kMore, kAtLeast, kChanged };
  Kind kind = Kind::kChanged;  // kChanged: the new value differs from the old one
  std::int64_t value = 0;      // 64 bits; of numbers from 2^63 on the bit pattern. Unused by kChanged
  auto operator<=>(const Comparison&) const = default;
  static const ScalarDecl& Scalar();
};

/// An address or a bit pattern: decimal or 0x.., up to 64 bits. Printed in hex from 0x10000 on.
struct Word {
  std::uint64_t value = 0;
  auto operator<=>(const Word&) const = default;
  static const ScalarDecl& Scalar();
};

/// A text that may look like a number: `3`, `pid=7`, `0-3`.
struct PlainText {
  std::string text;  // as it is written, not trimmed or parsed
  auto operator<=>(const PlainText&) const = default;
  static const ScalarDecl& Scalar();
};

}  // namespace ktstr
