// A yield whose time is a sample.
#pragma once

#include <sched.h>

#include "guest-init/base/clock.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {

/// For the declarations of types that use it.
inline constexpr const char* kYieldSample = "how long a yield takes until it runs again";

/// Records how long it took until the caller ran again as wake latency. No block: it wants to run all along.
inline void TimedYield(WorkerContext& context) {
  const std::uint64_t begin = MonotonicNs();
  sched_yield();
  context.RecordWake(MonotonicNs() - begin);
}

}  // namespace ktstr
