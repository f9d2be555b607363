// What each CPU has to run and how it spent its time, and the guest's clock.
#pragma once

#include "vmm/introspection/capture/collector.h"
#include "vmm/introspection/capture/render_context.h"

namespace ktstr::vmm {

/// REQUIRES: the guest is paused.
void CollectRunQueues(Collector& c);
/// The guest's CLOCK_MONOTONIC when it last updated its timekeeping: behind by up to a tick, and by more
/// while all its CPUs sleep.
void CollectClock(Collector& c);
void RenderRunQueues(const RenderContext& context, SnapshotReport& report);

}  // namespace ktstr::vmm
