// sched_ext: the running scheduler, its part of each run queue, and all dispatch queues.
#pragma once

#include "vmm/introspection/capture/collector.h"
#include "vmm/introspection/capture/render_context.h"

namespace ktstr::vmm {

/// REQUIRES: the guest is paused.
void CollectSchedExt(Collector& c);
void RenderSchedExt(const RenderContext& context, SnapshotReport& report);

}  // namespace ktstr::vmm
