// A comparison with a constant, as authors write it: `> 5`, `!= 0x10`, `changed`.
#pragma once

#include <cstdint>
#include <string>

#include "guest-init/base/decl.h"

namespace ktstr {

struct Comparison {
  enum class Kind : std::uint8_t { kEqual, kNotEqual, kLess, kAtMost, kMore, kAtLeast, kChanged };
  Kind kind = Kind::kChanged;
  std::int64_t value = 0;
  auto operator<=>(const Comparison&) const = default;
  static const ScalarDecl& Scalar();
};

/// An address or a bit pattern: decimal or 0x.., up to 64 bits.
struct Word {
  std::uint64_t value = 0;
  auto operator<=>(const Word&) const = default;
  static const ScalarDecl& Scalar();
};

/// A text that may look like a number: `3`, `pid=7`, `0-3`.
struct PlainText {
  std::string text;
  auto operator<=>(const PlainText&) const = default;
  static const ScalarDecl& Scalar();
};

}  // namespace ktstr
