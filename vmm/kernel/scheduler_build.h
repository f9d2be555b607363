// Builds the shipped schedulers into the cache, from the source and with the types of a cached kernel.
#pragma once

#include <string>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/kernel/kernels.h"

namespace ktstr::vmm {

struct SchedulerBuildRequest {
  std::vector<std::string> names;  // of shipped schedulers, kObjectLoader; none: all that the source has
  std::string kernel;  // the version of a kernel that `kernel build` made; "": the one that runs prefer
  std::string source;  // a directory or a tarball; "": what that kernel was built from
  unsigned jobs = 1;   // of make
  int cancel_fd = -1;  // readable: stop; -1: never
};

/// What a build did.
struct SchedulerBuild {
  std::string kernel;                        // the version of the kernel whose types were used
  std::vector<std::filesystem::path> files;  // the binaries asked for, in the order of ShippedSchedulers()
  bool from_cache = false;                   // all were there
};

/// The schedulers of this kernel: from the cache, or built into it with the newest clang on $PATH. What is
/// missing on the host is said before anything starts. Safe from several processes at once: one builds, the
/// others wait. All of those asked for are replaced, or none. What the kernel source's tools need stays in
/// the cache, so that only the first build needs the source. Schedulers of kernels that are no longer cached
/// are removed, and what older versions of this program built of its own. Errors are one line and say what to
/// do; a build that failed quotes the first error of its log and names the log. kCancelled after cancel_fd;
/// kInput for a name, the kernel and the source; else kEnvironment.
Result<SchedulerBuild> BuildSchedulers(const SchedulerBuildRequest& request, const KernelProgress& progress);

}  // namespace ktstr::vmm
