// Which kernel a run boots: given on the command line, by the environment, from the cache (one built here
// before one fetched), or fetched once.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"

namespace ktstr::vmm {

/// A bootable image, already looked at: its header is that of a 64-bit x86 Linux kernel.
struct Kernel {
  std::filesystem::path image;
  std::string version;               // from the image's header, e.g. "6.12.117+deb12-cloud-amd64"
  std::string origin;                // for the start line: "--kernel", "$KTSTR_KERNEL", "cache", "fetched"
  std::string package;               // the Debian package a cached kernel came from; else empty
  std::filesystem::path config;      // its build configuration, when it lies beside the image; else empty
  std::filesystem::path system_map;  // its real symbol table, likewise (Debian's is in the -dbg package)

  // Of a cached kernel only:
  bool built = false;             // by `kernel build`; otherwise it was fetched
  std::string source;             // what it was built from: "linux-source-6.12 6.12.117-1~deb12u1", a path
  std::string key;                // hash of the source's identity and the configuration it was built with
  std::string made;               // when it came into the cache: "2026-01-31T23:59:59Z"
  std::filesystem::path vmlinux;  // a built one: symbols and .BTF, without debug info
};

/// What the user asked for; empty strings ask for nothing.
struct KernelRequest {
  std::string option;  // --kernel: the path of an image (it has a slash), or the version of a cached kernel
  std::string environment;  // $KTSTR_KERNEL, likewise
};

/// Takes lines that say what a slow fetch is doing, without a newline. May be empty.
using KernelProgress = std::function<void(std::string_view line)>;

/// The kernel version in a bzImage's header. Pure, and safe on any bytes.
/// Errors (kInput), each naming `name`: "'x' is not a Linux kernel image (no bzImage header)", a kernel of
/// another architecture, an uncompressed vmlinux, a truncated image, a version that is no part of a file's
/// name. `head` is at least the first 128 KiB of the image, or all of it; `size` the length of all.
Result<std::string> KernelVersion(std::span<const std::byte> head, std::uint64_t size, std::string_view name);

/// Negative, zero or positive as version `a` is older than, equal to or newer than `b`; runs of digits
/// compare as numbers ("6.9" < "6.12"). Pure.
int CompareVersions(std::string_view a, std::string_view b);

/// A kernel image outside the cache, with config and System.map if they lie beside it (as in /boot or in a
/// built source tree). `origin` goes into the result.
Result<Kernel> InspectKernel(const std::filesystem::path& image, std::string_view origin);

/// The intact kernels in the cache in the order in which a run prefers them: built before fetched, then
/// newest first; a damaged one is left out. Empty when there is none.
Result<std::vector<Kernel>> ListKernels();

/// Fetches the newest `linux-image-6.12*-cloud-amd64` package apt knows into the cache, unless it is there
/// already; nothing is installed. Safe from several processes at once: one fetches, the others wait and use
/// it. Errors (kEnvironment) say what to do: give --kernel IMAGE or set $KTSTR_KERNEL.
Result<Kernel> FetchDefaultKernel(const KernelProgress& progress);

/// The kernel a run boots: `option`, else `environment`, else the first of ListKernels(), else
/// FetchDefaultKernel.
Result<Kernel> ResolveKernel(const KernelRequest& request, const KernelProgress& progress);

}  // namespace ktstr::vmm
