// The check on a value in one snapshot.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "interpreter/scenario/checks/snapshot_place.h"
#include "ops/plan/quantity.h"

namespace ktstr {

/// A bound on a value, or its text. The snapshot is one of CaptureSnapshot, a periodic one, or the n-th that
/// a watch with `capture: full` took, "<watch>#<n>".
///
/// A snapshot that was not taken, or not kept, is INCONCLUSIVE; one that is only a placeholder is ERROR, as
/// is a name that it does not have, with what there is; a part of it that could not be read is INCONCLUSIVE.
struct SnapshotCheck {
  std::string snapshot;  // its tag
  std::optional<std::string> map = {};
  std::optional<std::string> var = {};
  std::optional<PlainText> key = {};
  std::optional<std::uint32_t> cpu = {};
  std::optional<std::string> field = {};
  std::string at = {};
  std::optional<PlainText> equals = {};
  std::optional<Quantity> min = {};
  std::optional<Quantity> max = {};
  std::vector<Quantity> between = {};
  static const StructDecl& Decl();
};

}  // namespace ktstr
