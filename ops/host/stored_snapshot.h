// A snapshot of a run, with what is known of it beside its report, and the tags that periodic ones have.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vmm/introspection/snapshot/snapshot_report.h"

namespace ktstr {

struct StoredSnapshot {
  std::string tag;
  vmm::SnapshotReport report;    // a placeholder when the guest could not be looked at
  std::uint64_t elapsed_ms = 0;  // since the guest's first answer, pauses taken out
  std::optional<std::uint64_t> boundary_offset_ms = {};  // of a periodic one: where it was due
  std::uint32_t phase = 0;
};

/// A snapshot that was taken and is no longer there.
struct EvictedSnapshot {
  std::string tag;
  std::string made_room_for;  // the tag of the one that came instead
};

/// "periodic_007". REQUIRES: index < 1000.
std::string PeriodicTag(std::uint32_t index);
/// Whether a tag is one of those: "periodic_" and exactly three digits.
bool IsPeriodicTag(std::string_view tag);

}  // namespace ktstr
