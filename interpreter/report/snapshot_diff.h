// What is different between two snapshots. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/report/snapshot_text.h"

namespace ktstr {

enum class DiffStatus { kAdded, kRemoved, kChanged };

/// One value, by its path in the item; nothing where it is not there.
struct ValueDiff {
  std::string field;  // "" when the item is one value
  std::optional<std::string> before;
  std::optional<std::string> after;
};
/// A task, a CPU, an entry of a map, a variable.
struct ItemDiff {
  std::string name;
  DiffStatus status = DiffStatus::kChanged;
  std::vector<ValueDiff> values;  // of added and removed ones, too
};
/// A list of the report, or a map.
struct SectionDiff {
  std::string name;  // "tasks", "map 'counts'"
  DiffStatus status = DiffStatus::kChanged;
  std::vector<ItemDiff>
      items;  // by name, numbers by value; never empty unless the whole section came or went
};

/// Sections without a difference are left out. Not compared: when the captures were made and how long they
/// took, and addresses of tasks and maps, which are no content.
std::vector<SectionDiff> DiffSnapshots(const vmm::SnapshotReport& before, const vmm::SnapshotReport& after);

/// "tasks  1 added, 1 changed" and a line each: "~ 42 (spin)  nvcsw 1 -> 3 (+2)"; CPU times in ms.
std::string RenderSnapshotDiff(const std::vector<SectionDiff>& diff, const SnapshotTextStyle& style = {});

/// [{"section", "status", "items": [{"item", "status", "values": [{"field", "before", "after"}]}]}].
nlohmann::json SnapshotDiffJson(const std::vector<SectionDiff>& diff);

}  // namespace ktstr
