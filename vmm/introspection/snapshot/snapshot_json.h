// The JSON form of parts of a report, for what shows or compares them.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/introspection/snapshot/snapshot_error.h"
#include "vmm/introspection/snapshot/snapshot_report.h"

namespace ktstr::vmm {

/// The names of a report's members, in declared order.
std::vector<std::string> SnapshotMemberNames();

/// One member of the report with everything in it, also what ToJson leaves out: empty strings and lists as
/// such, unset optionals as null. Nothing when there is no such member.
std::optional<nlohmann::json> SnapshotMemberJson(const SnapshotReport& report, std::string_view member);

/// Why the member `member` is empty: what the capture said, or "". REQUIRES: the member exists.
std::string SnapshotMemberUnavailable(const SnapshotReport& report, std::string_view member);

/// What SnapshotSelector::path leads to, a value or a whole part. Errors: those of Evaluate, but a part is
/// none.
SnapshotOutcome<nlohmann::json> SnapshotPathJson(const SnapshotReport& report, const std::string& path);

}  // namespace ktstr::vmm
