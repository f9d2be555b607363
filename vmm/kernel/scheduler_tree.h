// Where schedulers are built: <cache>/schedulers/.build-<kernel>/, with the part of the kernel's source that
// their makefile needs. It is kept, so that the next build needs neither the network nor minutes.
#pragma once

#include <filesystem>
#include <string>

#include "guest-init/base/result.h"
#include "vmm/kernel/build_tree.h"
#include "vmm/kernel/kernel_source.h"
#include "vmm/kernel/kernels.h"

namespace ktstr::vmm {

/// The kernel's own schedulers and their makefile, below the top of its source.
inline constexpr const char* kSchedulerSources = "tools/sched_ext";

/// What of a kernel's source the schedulers are made of: 6 MB of its 1.5 GB.
const SourceParts& SchedulerSourceParts();

/// The directory of this kernel's tree. `schedulers` is SchedulerCacheDir().
std::filesystem::path SchedulerTreeOf(const std::filesystem::path& schedulers, const Kernel& kernel);

/// What a tree was made of.
struct SchedulerTreeOrigin {
  std::string kernel_key;  // Kernel::key
  std::string identity;    // KernelSource::identity
  std::string name;        // KernelSource::name
};

/// Empty strings when nothing says it.
SchedulerTreeOrigin ReadSchedulerTreeOrigin(const std::filesystem::path& tree);
Result<> WriteSchedulerTreeOrigin(const std::filesystem::path& tree, const SchedulerTreeOrigin& origin);

/// Moves the schedulers' part out of a kernel source that was unpacked to build `kernel` and is about to be
/// removed, so that BuildSchedulers() has no need to fetch and unpack it again. Where that cannot be (another
/// build goes on, the disk is full), nothing is kept and no harm done. REQUIRES: `unpacked` is on the cache's
/// filesystem.
void KeepSchedulerSource(const std::filesystem::path& unpacked, const KernelSource& source,
                         const Kernel& kernel);

}  // namespace ktstr::vmm
