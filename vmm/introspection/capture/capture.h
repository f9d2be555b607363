// One capture of a guest, in two phases, because the guest's pause is what counts: Collect() copies bytes
// while it is paused, Render() makes a report of them after it goes on.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "vmm/introspection/capture/btf_cache.h"
#include "vmm/introspection/capture/raw_capture.h"
#include "vmm/introspection/kernel/kernel_layout.h"
#include "vmm/introspection/memory/kernel_memory.h"
#include "vmm/introspection/snapshot/snapshot_report.h"

namespace ktstr::vmm {

struct CaptureOptions {
  /// Once it has passed, what is left is skipped and marked (dump_truncated_at_us).
  std::chrono::milliseconds time_limit{2000};
  std::size_t max_maps = 4096;
  std::size_t max_programs = 4096;
  /// Along pointers, in all lists together.
  std::size_t max_steps = 4'000'000;
  /// Of one map's contents, and of all that is copied: beyond them contents are cut and marked.
  std::size_t max_map_bytes = std::size_t{8} << 20;
  std::size_t max_bytes = std::size_t{128} << 20;
};

/// Copies what a report is made of. REQUIRES: the guest is paused; `layout` is of `paused`'s kernel. Never
/// fails: what cannot be read is marked in the result. `registers` are by vCPU, without symbols. BTF blobs
/// that `known` has are not copied.
RawCapture Collect(const KernelView& paused, const KernelLayout& layout, const BtfCache& known,
                   std::vector<std::optional<VcpuRegisters>> registers, const CaptureOptions& options = {});

/// Makes the report; paused_ms is left to the caller. Reads nothing of the guest. The BTF blobs that came
/// with `raw` are added to `btfs`, which is of this guest.
SnapshotReport Render(const RawCapture& raw, const KernelFacts& facts, const KernelLayout& layout,
                      BtfCache& btfs);

}  // namespace ktstr::vmm
