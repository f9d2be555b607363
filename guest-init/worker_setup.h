// What a worker does to itself before its loop. Every step is soft: the worker runs in any case, and what
// failed is kept for its report.
#pragma once

#include <string>

#include "guest-init/wire/messages.h"

namespace ktstr::guest {

/// One line for each thing that failed; empty: it did not.
struct SetupFaults {
  std::string affinity;
  std::string policy;
  std::string nice;
  std::string gid;
  std::string uid;
};

/// In this order: affinity, policy, nice, comm, gid, uid.
SetupFaults SetUpWorker(const StartWorkers& request, std::uint32_t index);

}  // namespace ktstr::guest
