// The kernels kept in the user's cache, and its layout:
//   <cache>/kernels/.lock               held while a kernel is fetched
//   <cache>/kernels/.fetch-<pid>/       a fetch in progress; deleted by the next one if it was left behind
//   <cache>/kernels/.build.lock         held while a kernel is built
//   <cache>/kernels/.build-<key>/       a build in progress: source/, obj/, build.log; kept for the next try
//   <cache>/kernels/<version>/          one kernel: vmlinuz and kernel.json; config and System.map when
//   known;
//                                       of a built one also vmlinux (symbols and .BTF, no debug info),
//                                       build.log
// A version's directory appears by one rename, complete.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/kernel/kernels.h"

namespace ktstr::vmm {

/// <cache>/kernels, made when missing.
Result<std::filesystem::path> KernelCacheDir();

/// The intact kernels below `kernels` in the order in which a run prefers them: built before fetched, then
/// the newest version, then what was made last.
std::vector<Kernel> ReadKernelCache(const std::filesystem::path& kernels);

/// The first of ReadKernelCache(), without reading the images of the others.
std::optional<Kernel> PreferredKernel(const std::filesystem::path& kernels);

/// Makes the directory `ready` (vmlinuz and what lies beside it) the cached kernel of that version, replacing
/// another one of the same version. `kernel` gives built, package, source and key; the rest comes from the
/// image. REQUIRES: the caller holds the lock of its kind; `ready` is on the cache's filesystem.
Result<Kernel> PutKernel(const std::filesystem::path& kernels, const std::filesystem::path& ready,
                         const Kernel& kernel);

/// A thing that KeepNewestKernels removed.
struct RemovedKernel {
  std::string what;  // "6.12.9-cloud-amd64 (fetched)", "an abandoned build (.build-0123)"
  std::uint64_t bytes = 0;
};

/// Removes all kernels but the newest `keep` of each kind, damaged ones, and what builds and fetches left
/// behind. `busy` gets a line about what was left because it is in use.
Result<std::vector<RemovedKernel>> KeepNewestKernels(std::size_t keep, const KernelProgress& busy);

/// Its 64-bit xxHash in hexadecimal.
std::string HashText(std::string_view bytes);

/// "cannot be written" for a path below the cache.
Error NotWritten(const std::filesystem::path& path, const std::error_code& failure);

}  // namespace ktstr::vmm
