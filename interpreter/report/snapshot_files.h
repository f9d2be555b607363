// Snapshots in a run's directory: <run>/snapshots/<tag>.json, each a report
// (vmm/introspection/snapshot/snapshot_report.h) with what is known of its capture beside it: tag, phase,
// phase_index, elapsed_ms, boundary_offset_ms.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ops/host/stored_snapshot.h"

namespace ktstr {

struct SnapshotFile {
  std::string tag;
  std::string phase;
  std::optional<std::uint64_t> elapsed_ms;
  std::optional<std::uint64_t> boundary_offset_ms;
  std::optional<std::uint32_t> phase_index;
  vmm::SnapshotReport report;
};

/// "<tag>.json". Bytes other than letters, digits, '_', '-', '+', '@' and inner '.' become %XX, so tags that
/// differ have names that differ; very long ones are cut and end in a hash.
std::string SnapshotFileName(std::string_view tag);

/// Writes one capture below a run's directory (made as needed), so that no reader and no crash ever sees half
/// of it. Error (kEnvironment): "'x' cannot be written: No space left on device".
Result<> WriteSnapshotFile(const std::filesystem::path& run, const StoredSnapshot& snapshot,
                           std::string_view phase);

/// Errors (kInput): unreadable, no JSON, no snapshot; each with the file's name.
Result<SnapshotFile> ReadSnapshotFile(const std::filesystem::path& file);

/// The same snapshot with every text of the guest's Printable(). Error (kInput): as of ReadSnapshotFile().
Result<SnapshotFile> PrintableSnapshot(SnapshotFile snapshot);

/// The directories with snapshots that `path` means: itself, or those in the results of an invocation, by
/// name. Errors (kInput): "'x' does not exist", "'x' has no snapshots".
Result<std::vector<std::filesystem::path>> FindSnapshotRuns(const std::filesystem::path& path);

/// The snapshots of a run's directory by file name.
std::vector<std::filesystem::path> ListSnapshotFiles(const std::filesystem::path& run);

}  // namespace ktstr
