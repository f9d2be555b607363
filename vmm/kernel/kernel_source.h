// Where the source of a kernel comes from: a directory, a tarball, or Debian's package.
#pragma once

#include <filesystem>
#include <string>

#include "guest-init/base/result.h"
#include "vmm/kernel/kernel_apt.h"
#include "vmm/kernel/kernels.h"

namespace ktstr::vmm {

struct KernelSource {
  std::string name;                 // for people: "linux-source-6.12 6.12.117-1~deb12u1", or the path
  std::string place;                // what it is, whatever its content: names the build tree
  std::string identity;             // changes with the content
  std::filesystem::path directory;  // of a source tree; else empty
  std::filesystem::path tarball;    // else empty
  AptPackage package;               // when neither is given
};

/// Looks at `given`, a directory or a tarball; "" means Debian's linux-source-6.12, of which nothing is
/// downloaded yet. A directory's identity is that of the names, sizes and times of its files.
/// Errors (kInput): "the kernel source 'x' does not exist", "'x' is not a kernel tree (it has no Kconfig)", a
/// tree that was built in; (kEnvironment): apt's, with what to do instead.
Result<KernelSource> FindKernelSource(const std::string& given, const KernelProgress& progress);

/// Whether `directory` looks like the top of a kernel tree: "" or what it lacks.
std::string NotAKernelTree(const std::filesystem::path& directory);

}  // namespace ktstr::vmm
