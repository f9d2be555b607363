// What a SnapshotBridge noticed that its caller was not told by a return value.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace ktstr {

/// A capture was asked for and gave nothing; nothing was stored.
struct CaptureUnavailable {
  std::string tag;
  friend bool operator==(const CaptureUnavailable&, const CaptureUnavailable&) = default;
};
/// A report took the place of another with the same tag.
struct SnapshotOverwritten {
  std::string tag;
  std::string prior_schema;  // of the report that is gone: "single"
  friend bool operator==(const SnapshotOverwritten&, const SnapshotOverwritten&) = default;
};
/// The oldest report went because there were more than `cap`.
struct SnapshotEvicted {
  std::string evicted_tag;
  std::string new_tag;  // the one that took the room
  std::size_t cap = 0;
  friend bool operator==(const SnapshotEvicted&, const SnapshotEvicted&) = default;
};
/// A report that the order of insertion does not name; it was handed out last. A bug, were it ever seen.
struct DrainOrderViolated {
  std::string tag;
  std::string drain_variant;  // "DrainOrdered" or "DrainOrderedWithStats"
  friend bool operator==(const DrainOrderViolated&, const DrainOrderViolated&) = default;
};
/// Too many reports and no order to evict by: everything was dropped. A bug, were it ever seen.
struct SnapshotCapViolated {
  std::size_t reports = 0;
  std::size_t cap = 0;
  friend bool operator==(const SnapshotCapViolated&, const SnapshotCapViolated&) = default;
};
/// The last of a drained log: so many older events were dropped since the drain before.
struct EventLogTruncated {
  std::uint64_t dropped = 0;
  friend bool operator==(const EventLogTruncated&, const EventLogTruncated&) = default;
};

using SnapshotEvent = std::variant<CaptureUnavailable, SnapshotOverwritten, SnapshotEvicted,
                                   DrainOrderViolated, SnapshotCapViolated, EventLogTruncated>;

/// One line for a log: "snapshot 'a': the capture gave nothing".
std::string Describe(const SnapshotEvent& event);

}  // namespace ktstr
