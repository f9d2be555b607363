// Builds a kernel for guests into the cache: trimmed, with sched_ext and BTF.
#pragma once

#include <string>

#include "guest-init/base/result.h"
#include "vmm/kernel/kernels.h"

namespace ktstr::vmm {

struct KernelBuildRequest {
  std::string source;    // a directory or a tarball; "": Debian's linux-source-6.12
  std::string fragment;  // a file with configuration options that overrule ours; "": none
  unsigned jobs = 1;     // of make
  int cancel_fd = -1;    // readable: stop, keeping what was built for the next time; -1: never
};

/// The kernel of this source and configuration: from the cache, or built into it. What is missing on the host
/// is said before anything starts. Safe from several processes at once: one builds, the others wait and use
/// it. What an interrupted or failed build has done is kept and gone on with by the next one. `progress` gets
/// the stages, and every 15 s how far make is. The result's origin is "built" or "cache". Errors are one
/// line, but for required options that the configuration lacks, which have one each. They say what to do; a
/// build that failed quotes the first error of its log and names the log. kCancelled after cancel_fd; kInput
/// for the source and the fragment; else kEnvironment.
Result<Kernel> BuildKernel(const KernelBuildRequest& request, const KernelProgress& progress);

}  // namespace ktstr::vmm
