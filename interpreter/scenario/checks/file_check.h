// The check on what a ReadGuestFile Op found.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "interpreter/fold/text_place.h"
#include "interpreter/temporal/temporal_check.h"
#include "ops/host/comparison.h"
#include "ops/plan/quantity.h"

namespace ktstr {

/// A bound on one value in the content that was read last under a tag (of a check in a step: in that step),
/// or a pattern in its lines; with `over_time` how that value changed. A tag that was never reached, and a
/// place that the content does not have, are INCONCLUSIVE.
struct FileCheck {
  std::string file;  // the tag
  // Where in it; see TextPlace.
  std::optional<std::uint32_t> line = {};
  std::optional<std::string> key = {};
  std::optional<std::string> json = {};
  std::optional<std::uint32_t> word = {};
  // Regular expressions for lines: one of them matches, none does.
  std::optional<std::string> present = {};
  std::optional<std::string> absent = {};
  std::optional<TemporalPattern> over_time = {};
  std::optional<PlainText> equals = {};
  std::optional<Quantity> min = {};
  std::optional<Quantity> max = {};
  std::vector<Quantity> between = {};  // empty or [lowest, highest]
  static const StructDecl& Decl();

  [[nodiscard]] TextPlace Place() const { return {line, key, json, word}; }
};

}  // namespace ktstr
