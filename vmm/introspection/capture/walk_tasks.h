// All tasks of the guest: every thread of every process, as the scheduler sees it.
#pragma once

#include "vmm/introspection/capture/collector.h"
#include "vmm/introspection/capture/render_context.h"

namespace ktstr::vmm {

/// REQUIRES: the guest is paused.
void CollectTasks(Collector& c);
void RenderTasks(const RenderContext& context, SnapshotReport& report);

}  // namespace ktstr::vmm
