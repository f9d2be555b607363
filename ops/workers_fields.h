// What the Ops that change live workers share: whose workers are meant.
#pragma once

#include <array>

#include "ops/op.h"

namespace ktstr {

/// For Args with the optional strings `cgroup` and `group`, which PlanContext::UseWorkers resolves.
template <typename Args>
inline constexpr std::array kWorkersFields{
    Optional<&Args::cgroup>("cgroup", "Whose workers; absent: those in the runner's own cgroup.", {},
                            Refers::kCgroup),
    Optional<&Args::group>("group", "Only the work group of this name.", {}, Refers::kGroup)};

}  // namespace ktstr
