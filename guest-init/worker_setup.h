// What a worker does to itself before its loop. Every step is soft: the worker runs in any case, and what
// failed is kept for its report.
#pragma once

#include <string>

#include "guest-init/wire/messages.h"

namespace ktstr::guest {

struct SetupFaults {
  std::string affinity;
  std::string policy;  // policy, nice, and uid/gid
};

/// In this order: affinity, policy, nice, comm, gid, uid.
SetupFaults SetUpWorker(const StartWorkers& request, std::uint32_t index);

}  // namespace ktstr::guest
