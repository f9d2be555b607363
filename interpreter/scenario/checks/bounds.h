// Bounds on a number, as several kinds of checks take them: min, max and between, all inclusive.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "guest-init/base/decl.h"
#include "interpreter/scenario/checks/check_site.h"
#include "ops/plan/quantity.h"

namespace ktstr {

/// The fields of a struct `S` with members min, max and between.
template <typename S>
inline constexpr std::array<FieldDecl, 3> kBoundFields{
    Optional<&S::min>("min", "The smallest value allowed."),
    Optional<&S::max>("max", "The largest value allowed."),
    Optional<&S::between>("between", "Both at once: [smallest, largest]."),
};

/// The bounds of one check; they must outlive this.
struct BoundsView {
  const std::optional<Quantity>& min;    // none: not bounded from below, unless by between
  const std::optional<Quantity>& max;    // likewise from above
  const std::vector<Quantity>& between;  // empty or [lowest, highest]

  [[nodiscard]] bool any() const { return min || max || !between.empty(); }
};
template <typename S>
BoundsView BoundsOf(const S& check) {
  return {check.min, check.max, check.between};
}

/// The mistakes of bounds by themselves: two of one kind, the lower one above the upper one.
void BoundRules(const BoundsView& bounds, RuleSink& sink);
/// For values that have no unit: faults of bounds that have one.
void PlainBoundRules(const BoundsView& bounds, RuleSink& sink);
/// What only the unit of the number can tell: bounds in units that do not convert to it, and then a lower
/// bound above the upper one.
void ResolveBounds(const BoundsView& bounds, std::string_view unit, CheckSite& site);

/// The values that a number can have at all.
struct ValueSpan {
  double lowest;
  double highest;  // infinity where there is no limit
};
/// Diagnoses bounds that no value can break, and those that none can keep. `what` is the number, for
/// messages.
void ResolveSpan(const BoundsView& bounds, std::string_view what, std::string_view unit, ValueSpan span,
                 CheckSite& site);

}  // namespace ktstr
