// The watches of one run: what was asked for, and the fires that were kept.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "interpreter/fold/observations.h"
#include "ops/host/host_context.h"
#include "vmm/introspection/watch/watchpoints.h"

namespace ktstr {

/// Made with the first watch that is set. The run's thread only.
struct ObserverWatches {
  struct Watched {
    WatchRequest request;
    std::string place;  // the place in words, for reports
    std::string path;   // document path of the Op
    vmm::WatchId id = 0;
    std::vector<FireRecord> kept;  // in the order in which they came
  };
  std::unique_ptr<vmm::Watchpoints> points;
  std::vector<Watched> watched;  // index == id
};

}  // namespace ktstr
