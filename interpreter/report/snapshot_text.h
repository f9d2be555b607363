// Snapshots for people: tables and indented values, long lists folded.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "interpreter/report/snapshot_files.h"

namespace ktstr {

struct SnapshotTextStyle {
  /// Longer lists end in "... and N more"; 0: none is cut.
  std::size_t max_rows = 20;
};

/// Columns as wide as their widest cell, two spaces apart, numbers to the right, no trailing blanks, each
/// line indented by two spaces. The first row is the header. Every row has as many cells.
std::string RenderTable(const std::vector<std::vector<std::string>>& rows, std::size_t max_rows);

/// The whole snapshot; parts that were not read say why. Ends with a newline.
std::string RenderSnapshot(const SnapshotFile& snapshot, const SnapshotTextStyle& style = {});
/// "map 'counts'  hash, id 12, 2 entries of 64" and its contents.
std::string RenderMap(const vmm::MapRecord& map, const SnapshotTextStyle& style = {});
std::string RenderTasks(const vmm::SnapshotReport& report, const SnapshotTextStyle& style = {});
std::string RenderCpus(const vmm::SnapshotReport& report);
std::string RenderSchedExt(const vmm::SnapshotReport& report, const SnapshotTextStyle& style = {});
std::string RenderPrograms(const vmm::SnapshotReport& report, const SnapshotTextStyle& style = {});

/// "shrink at 1200 ms", "before the run": when a snapshot was taken, as far as it is known.
std::string SnapshotMoment(const SnapshotFile& snapshot);

/// Any part of a report as "name: value" lines, what is in it indented; what is unset or empty is left out.
std::string RenderSnapshotJson(const nlohmann::json& json, const SnapshotTextStyle& style = {});

}  // namespace ktstr
