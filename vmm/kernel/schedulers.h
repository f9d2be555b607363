// The sched_ext schedulers that `schedulers build` makes, and where their binaries lie in the user's cache:
//   <cache>/schedulers/.lock                   held while schedulers are built
//   <cache>/schedulers/.build-<kernel>/        source/, tools and objects; kept, so the next build is short
//   <cache>/schedulers/<kernel>/<name>         one scheduler, built with that cached kernel's types
//   <cache>/schedulers/<kernel>/<hash>/<name>  one of our own, of the sources with this hash: programs of
//   several
//                                              versions share the cache
//   <cache>/schedulers/<kernel>/built.json     what they were made of
//   <cache>/schedulers/<kernel>/build.log
// A binary appears by a rename, so it is complete when it is there.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/kernel/kernels.h"

namespace ktstr::vmm {

/// A scheduler that every scenario can use by name.
struct ShippedScheduler {
  std::string_view name;  // of its binary, too
  std::string_view doc;   // one line: what it does, with what name the kernel shows it
};

/// All of them: the example schedulers of the kernel's source, and ours, ktstr_scx.
std::span<const ShippedScheduler> ShippedSchedulers();

/// nullptr when there is none of this name.
const ShippedScheduler* FindShippedScheduler(std::string_view name);

/// What `schedulers build` makes beside them: the program that loads BPF objects, and the one that probes a
/// kernel while a scheduler fails. They are no schedulers that a scenario could name; all that is said here
/// of binaries holds for them, too.
inline constexpr std::string_view kObjectLoader = "ktstr_load";
inline constexpr std::string_view kProbeProgram = "ktstr_probe";

/// Both of these, with what they are for.
std::span<const ShippedScheduler> SchedulerHelpers();

/// "there is no scheduler 'x' among the shipped ones (scx_simple, ...)" (kInput).
Error UnknownScheduler(std::string_view name);

/// <cache>/schedulers, made when missing. Errors as for CacheSubdir().
Result<std::filesystem::path> SchedulerCacheDir();

/// The binary of a shipped scheduler for a guest with the kernel `kernel_version` ("6.12.117-ktstr"): the one
/// built with that kernel's types, else the one built with the newest kernel there is (their programs adapt
/// themselves to other kernels when they are loaded). `schedulers` is SchedulerCacheDir(). The binary is an
/// executable file, linked to libraries of the host.
/// Errors: UnknownScheduler(); kEnvironment "the scheduler scx_simple is not built; `ktstr-interp schedulers
/// build` builds it", "ktstr_load, which loads BPF objects, is not built; ...", "ktstr_probe, which probes
/// kernels, is not built; ...".
Result<std::filesystem::path> FindBuiltScheduler(const std::filesystem::path& schedulers,
                                                 std::string_view name, std::string_view kernel_version);

/// Where the binary of a scheduler lies, once it is built, in `directory` (<cache>/schedulers/<kernel>).
std::filesystem::path SchedulerBinary(const std::filesystem::path& directory, std::string_view name);

/// Whether it is there.
bool HasScheduler(const std::filesystem::path& directory, std::string_view name);

/// Whether this program carries the sources of this scheduler or helper, which is then built whatever the
/// kernel's source.
bool IsOurScheduler(std::string_view name);

/// What the schedulers of one kernel were made of: built.json.
struct BuiltSchedulers {
  std::string kernel_key;  // Kernel::key of the kernel whose types they were built with
  std::string source;      // the kernel source they came from, as Kernel::source says it
  std::string compiler;    // "clang-19"
};

/// Empty when there is no file, or a damaged one.
BuiltSchedulers ReadBuiltSchedulers(const std::filesystem::path& directory);
Result<> WriteBuiltSchedulers(const std::filesystem::path& directory, const BuiltSchedulers& built);

}  // namespace ktstr::vmm
