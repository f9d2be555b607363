// The check on how a value follows itself over the periodic snapshots.
#pragma once

#include <optional>
#include <string>

#include "interpreter/scenario/checks/snapshot_place.h"
#include "interpreter/temporal/temporal_check.h"

namespace ktstr {

/// A pattern of one place in all periodic snapshots; the reads of one tag have `over_time` in ReadCheck.
struct OverTimeCheck {
  TemporalPattern over_time;            // how the values must follow each other
  std::optional<std::string> map = {};  // this and the next five: the place, as in SnapshotPlace
  std::optional<std::string> var = {};
  std::optional<PlainText> key = {};
  std::optional<std::uint32_t> cpu = {};
  std::optional<std::string> field = {};
  std::string at = {};  // "": the place is in a map or a variable
  static const StructDecl& Decl();
};

}  // namespace ktstr
