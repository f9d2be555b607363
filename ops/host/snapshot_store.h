// The reports of a run by tag, in the order they came: what a SnapshotBridge keeps under its lock. A value
// with no lock of its own; its members are open so that tests can break what must then be noticed.
#pragma once

#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "ops/host/snapshot_events.h"
#include "vmm/introspection/snapshot/snapshot_report.h"

namespace ktstr {

/// Why a snapshot has no statistics of the scheduler.
struct MissingStats {
  enum class Reason : std::uint8_t {
    kNoSchedulerBinary,  // the scenario runs none; also: nobody asked
    kNoScheduler,        // `detail` says what answered instead
    kDuringFreeze,
    kCancelled,
    kSchedulerError,  // `error_number` and `detail`, the scheduler's own words
    kMissingResponse,
    kRequestTooLarge,   // `size` of `max` bytes
    kResponseTooLarge,  // likewise
    kPoisoned,
  };
  Reason reason = Reason::kNoSchedulerBinary;
  std::string detail = {};
  std::int32_t error_number = 0;
  std::uint64_t size = 0;
  std::uint64_t max = 0;
  friend bool operator==(const MissingStats&, const MissingStats&) = default;
};
/// What the scheduler said of itself just before the freeze, or why it did not.
using SchedulerStats = std::variant<MissingStats, nlohmann::json>;

/// What is known of a capture beside its report.
struct SnapshotStamps {
  std::optional<SchedulerStats> stats = {};
  std::optional<std::uint64_t> elapsed_ms = {};          // since the run's start, pauses taken out
  std::optional<std::uint64_t> boundary_offset_ms = {};  // of a periodic capture's boundary
  std::optional<std::uint32_t> step_index = {};          // 0: before any step
};

struct StoredSnapshot {
  vmm::SnapshotReport report;
  SnapshotStamps stamps;
};

/// One drained capture with all that is known of it. Statistics nobody gave are kNoSchedulerBinary.
struct DrainedSnapshot {
  std::string tag;
  vmm::SnapshotReport report;
  SchedulerStats stats;
  std::optional<std::uint64_t> elapsed_ms;
  std::optional<std::uint64_t> boundary_offset_ms;
  std::optional<std::uint32_t> step_index;
};

using SnapshotEvents = std::vector<SnapshotEvent>;

struct SnapshotStore {
  static constexpr std::size_t kMax = 64;

  std::unordered_map<std::string, StoredSnapshot> reports;
  std::deque<std::string> order;  // tags, the longest unwritten first

  /// Puts a report under its tag, as the newest. One with this tag is replaced together with every stamp,
  /// given again or not; beyond kMax the oldest go.
  void Put(const std::string& tag, StoredSnapshot snapshot, SnapshotEvents& events);

  /// Everything, in order; the store is then empty. A report that `order` does not name comes last, with an
  /// event that calls the reader `drain_variant`.
  std::vector<std::pair<std::string, StoredSnapshot>> TakeOrdered(const char* drain_variant,
                                                                  SnapshotEvents& events);
};

/// Whether a tag is one of a periodic capture: "periodic_" and exactly three digits.
bool IsPeriodicTag(const std::string& tag);

}  // namespace ktstr
