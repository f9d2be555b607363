// The BPF programs of the guest, what running them took, and which of them are the running scheduler.
#pragma once

#include "vmm/introspection/capture/collector.h"
#include "vmm/introspection/capture/render_context.h"

namespace ktstr::vmm {

/// REQUIRES: the guest is paused.
void CollectPrograms(Collector& c);
/// REQUIRES: the report's maps have been rendered: the scheduler is known by those it uses.
void RenderPrograms(const RenderContext& context, SnapshotReport& report);

}  // namespace ktstr::vmm
