// How much the payloads of a run are given. Internal to the planner.
#pragma once

#include <cstdint>
#include <span>

#include "ops/plan/plan_context.h"

namespace ktstr {

/// A payload that is started often has its arguments and variables in the plan as often; a run that holds
/// more than this many is refused, for a little text could ask for endless ones.
inline constexpr std::uint64_t kMaxPayloadTexts = 1'000'000;

/// The arguments and variables in `requests`; of a long one each 64 bytes count.
std::uint64_t PayloadTexts(std::span<const PlannedRequest> requests);

}  // namespace ktstr
