// What building kernels and schedulers needs on the host.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"

namespace ktstr::vmm {

struct BuildTool {
  std::string_view name;     // "flex", "libelf's headers"
  std::string_view probe;    // a command, a header below an include directory, or kBpfClang
  std::string_view package;  // Debian's
};

/// The probe of a clang that can compile sched_ext schedulers; any that FindBpfClang() finds will do.
inline constexpr std::string_view kBpfClang = "clang for BPF";

/// Of `kernel build`.
std::span<const BuildTool> KernelBuildTools();
/// Of `schedulers build`.
std::span<const BuildTool> SchedulerBuildTools();

/// Those of `tools` that are not there: commands are looked for on `path` (as $PATH), headers in
/// `include_dirs`.
std::vector<BuildTool> MissingBuildTools(std::span<const BuildTool> tools, const std::string& path,
                                         std::span<const std::filesystem::path> include_dirs);

/// "building a kernel needs flex and bison; install them with: sudo apt-get install flex bison"; `what` is
/// "building a kernel". REQUIRES: not empty.
std::string MissingToolsText(std::string_view what, std::span<const BuildTool> missing);

/// MissingToolsText() as an error (kEnvironment) when something is missing on this host.
Result<> CheckBuildTools(std::string_view what, std::span<const BuildTool> tools);

/// The newest clang on `path` that is 16 or later: "clang-19", or "clang" when it has no number in its name;
/// "" when there is none. Older ones lose the upper half of 64-bit enumerations, of which sched_ext is full.
std::string FindBpfClang(const std::string& path);

}  // namespace ktstr::vmm
