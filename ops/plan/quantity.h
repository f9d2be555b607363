// A number with or without a unit, as authors write the bound of a check: `2000`, `2s`, `90%`, `64MiB`.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "guest-init/base/decl.h"
#include "guest-init/base/result.h"
#include "guest-init/base/units.h"

namespace ktstr {

/// Keeps what was written; it becomes a plain number only for a given unit.
struct Quantity {
  std::variant<double, Duration, Percent, ByteSize> value = 0.0;
  bool operator==(const Quantity&) const = default;

  /// The number this is in `unit`: `2s` in ms is 2000, `90%` is 90 in % and 0.9 where the unit is "" or x. A
  /// plain number is taken to be in `unit` already. kInput when the two do not go together: "2s is a time,
  /// which cannot bound a number in iter/s".
  [[nodiscard]] Result<double> In(std::string_view unit) const;
  /// Whether `this` > `other` by their values alone; false for two different kinds (1s and 5), which only a
  /// unit makes comparable.
  [[nodiscard]] bool SurelyMoreThan(const Quantity& other) const;

  static const ScalarDecl& Scalar();
};

/// What was written, canonically: "2000", "2s", "90%".
std::string FormatQuantity(const Quantity& quantity);
/// A measured number for people, at most six significant digits: "2500 ms", "0.31", "90%", "1.5x".
std::string FormatAmount(double value, std::string_view unit);

}  // namespace ktstr
