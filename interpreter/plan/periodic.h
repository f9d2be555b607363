// Periodic captures: when they are due, what may be asked for, and how they get into a plan. Pure.
//
// The window leaves the first and the last tenth of the time out; N captures cut the rest into N + 1 equal
// parts:
//   pre = available / 10, window = available - 2 * pre, boundary[i] = start + pre + window * (i + 1) / (N +
//   1)
// in integers, truncating.
//
// The available time is the *hold timeline*: the holds of the plan put end to end, offset 0 being the begin
// of the first. The holds are all the guest time that a plan spends on purpose, so a boundary is an exact
// point of guest time that is known before the run; it is the same under both clocks, on a slow and on a fast
// host; and no capture can come before the workload was set up or after it was taken down. What lies between
// two holds (ops, setup, a wait for a payload) takes no time on that line.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/units.h"
#include "ops/plan/plan_context.h"

namespace ktstr {

inline constexpr std::uint32_t kMaxPeriodic = kMaxSnapshots;
inline constexpr Duration kLeastPeriodicSpacing = Milliseconds(100);

/// The `count` boundaries in [start, end), strictly rising. None when `count` is 0, `end` <= `start`, or the
/// window has fewer nanoseconds than it would be cut into parts.
std::vector<std::uint64_t> PeriodicBoundaries(std::uint64_t start_ns, std::uint64_t end_ns,
                                              std::uint32_t count);

/// Why `count` periodic captures cannot be made in holds that take `holds` together, in one line that names
/// the least time which would do; nothing when they can. For lint.
std::optional<std::string> WhyNotPeriodic(std::uint32_t count, Duration holds);

/// Makes the request that captures at boundary `index`; `offset_ns` is on the hold timeline, `hold` the hold
/// it falls into (for path, phase and cleanup).
using MakePeriodicCapture =
    std::function<PlannedRequest(std::uint32_t index, std::uint64_t offset_ns, const PlannedRequest& hold)>;

/// `plan` with `count` captures: each hold in which boundaries lie is cut there. A plain Hold(d) becomes
/// SetHoldMark, Hold(b1 from mark), capture, ..., Hold(d from mark), so that the time a capture takes is not
/// added to it; a hold that counts from a mark already (in a repetition) keeps that mark. A boundary at the
/// very end of a hold is captured as its last thing, while what ran in it is still there. The pieces' budgets
/// add up to the hold's.
///
/// REQUIRES: the length of a hold from a mark is its budget (so the planner emits them), and no plain Hold
/// stands between a SetHoldMark and a hold that counts from it. Returns `plan` as it is when there are no
/// boundaries.
std::vector<PlannedRequest> PlacePeriodic(std::vector<PlannedRequest> plan, std::uint32_t count,
                                          const MakePeriodicCapture& make_capture);

}  // namespace ktstr
