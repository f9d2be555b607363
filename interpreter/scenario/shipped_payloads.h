// Payloads that a scenario names by `use:`: programs of the host's distribution, with what their output
// means.
#pragma once

#include <cstdint>

#include "guest-init/base/decl.h"

namespace ktstr {

struct Scenario;

/// What is here is what bootstrap installs for the catalogue; another program is a `binary` with an `output`
/// of its own. The texts below are what editors, `explain` and schemas/ops.md show.
enum class ShippedPayload : std::uint8_t { kCyclictest, kHackbench, kStressNg };
inline constexpr EnumValue kShippedPayloads[] = {
    {"cyclictest", 0,
     "Timer latencies (rt-tests): `thread.N.min`, `thread.N.avg`, `thread.N.max` in us, of each thread. "
     "Without `args`: one "
     "thread, 1000 times 1 ms."},
    {"hackbench", 1,
     "Messages between many tasks (rt-tests): `seconds`. Without `args`: one group of 40 processes, 50 "
     "messages, through "
     "pipes."},
    {"stress-ng", 2,
     "Load of many kinds: `bogo_ops` and `bogo_ops_per_sec` (of real time), of one stressor. Without `args`: "
     "one `cpu` for 1 s."}};
constexpr EnumDecl DescribeEnum(ShippedPayload) {
  return {"ShippedPayload", kShippedPayloads, nullptr, nullptr};
}

/// Puts what is shipped in the place of each `use:`: the program, what it must be told before the author's
/// `args` (or those it has without), how its output is read, and what its metrics are, those of the author
/// first.
void PutShippedPayloads(Scenario& scenario);

}  // namespace ktstr
