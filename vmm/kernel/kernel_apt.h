// Debian packages downloaded with apt, never installed: kernel images and the kernel's source.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/kernel/kernels.h"

namespace ktstr::vmm {

struct AptPackage {
  std::string name;
  std::string version;      // the package's, e.g. "6.12.117-1~deb12u1"
  std::uint64_t bytes = 0;  // to download; 0 when apt does not say
};

/// Which packages are wanted.
struct AptWish {
  std::string prefix;   // for `apt-cache pkgnames`
  std::string pattern;  // how messages call them
  /// From the names apt knows, those that fit, best first.
  std::vector<std::string> (*choose)(std::string_view names);
};

/// The best package that apt can really download. As root, apt's lists are updated when it knows none.
/// Errors (kEnvironment): apt is not there, "apt offers no P package", the network is down.
Result<AptPackage> FindAptPackage(const AptWish& wish, const KernelProgress& progress);

/// Downloads it into `directory`, which exists, and returns the archive's path. Stale lists are updated by
/// root.
Result<std::filesystem::path> DownloadAptPackage(const AptPackage& package,
                                                 const std::filesystem::path& directory,
                                                 const KernelProgress& progress);

/// Unpacks `archive`, of the package `name`, below `into`.
Result<> UnpackAptPackage(std::string_view name, const std::filesystem::path& archive,
                          const std::filesystem::path& into);

/// The only file in `directory` whose name starts with `prefix`; empty when there is none.
std::filesystem::path FileStarting(const std::filesystem::path& directory, std::string_view prefix);

}  // namespace ktstr::vmm
