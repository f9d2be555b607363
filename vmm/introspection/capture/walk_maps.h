// All BPF maps of the guest: found through the kernel's table of ids, read by type, rendered by their own
// BTF.
#pragma once

#include "vmm/introspection/capture/collector.h"
#include "vmm/introspection/capture/render_context.h"

namespace ktstr::vmm {

/// REQUIRES: the guest is paused.
void CollectMaps(Collector& c);
void RenderMaps(const RenderContext& context, SnapshotReport& report);

/// "hash", "lru_percpu_hash"; "type 99" for those this program does not know.
std::string MapTypeName(std::uint32_t type);

}  // namespace ktstr::vmm
