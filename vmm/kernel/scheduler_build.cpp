#include "vmm/kernel/scheduler_build.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

#include "vmm/host/cache_dir.h"
#include "vmm/host/directory_entries.h"
#include "vmm/host/host_file.h"
#include "vmm/host/spawn.h"
#include "vmm/kernel/build_tools.h"
#include "vmm/kernel/build_tree.h"
#include "vmm/kernel/kernel_cache.h"
#include "vmm/kernel/kernel_source.h"
#include "vmm/kernel/scheduler_sources.h"
#include "vmm/kernel/scheduler_tree.h"
#include "vmm/kernel/schedulers.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

/// A week after another version of this program has built its own it is taken for gone.
constexpr auto kOthersKept = std::chrono::hours(7 * 24);

/// All that can be built.
std::vector<std::string_view> AllNames() {
  std::vector<std::string_view> names;
  for (const ShippedScheduler& scheduler : ShippedSchedulers()) names.push_back(scheduler.name);
  for (const ShippedScheduler& helper : SchedulerHelpers()) names.push_back(helper.name);
  return names;
}

std::string SourceFile(std::string_view name) {
  return fmt::format("{}{}", name, name == kObjectLoader ? ".c" : ".bpf.c");
}

Result<> CheckNames(std::span<const std::string> names) {
  for (const std::string& name : names)
    if (const auto all = AllNames(); std::find(all.begin(), all.end(), name) == all.end())
      return UnknownScheduler(name);
  return {};
}

/// The cached kernel with types that the request means.
Result<Kernel> KernelWithTypes(const std::string& version) {
  const std::vector<Kernel> kernels = TRY(ListKernels());
  for (const Kernel& kernel : kernels)
    if (!kernel.vmlinux.empty() && (version.empty() || version == kernel.version)) return kernel;
  if (version.empty())
    return Error{ErrorKind::kEnvironment,
                 "schedulers are built with the types of a kernel that was built; none is cached, "
                 "`ktstr-interp kernel build` makes one"};
  return InputError(fmt::format(
      "no kernel {} that was built is in the cache; `ktstr-interp kernel list` shows which are", version));
}

/// Where the source of this kernel's tools is to be had: a path that the kernel was built from, else Debian's
/// package, of which the kernel's description begins with the name.
std::string SourceOf(const SchedulerBuildRequest& request, const Kernel& kernel) {
  if (!request.source.empty()) return request.source;
  return kernel.source.starts_with('/') ? kernel.source : "";
}

/// One build, for one kernel.
class SchedulerMaker {
 public:
  SchedulerMaker(const SchedulerBuildRequest& request, const KernelProgress& progress, Kernel kernel,
                 const fs::path& schedulers)
      : request_(request),
        progress_(progress),
        kernel_(std::move(kernel)),
        place_(schedulers / kernel_.version),
        tree_(SchedulerTreeOf(schedulers, kernel_), request.cancel_fd, progress) {}

  Result<SchedulerBuild> Run() {
    is_of_kernel_ = ReadBuiltSchedulers(place_).kernel_key == kernel_.key;
    if (is_of_kernel_ && request_.source.empty() && AllThere()) return Outcome(true);
    TRY(PrepareTree());
    TRY(AddOurs());
    TRY(ChooseNames());
    TRY(Make());
    TRY(Keep());
    return Outcome(false);
  }

 private:
  /// Whether nothing has to be built, of those asked for or of all that the source has.
  [[nodiscard]] bool AllThere() {
    const fs::path kept = tree_.directory() / "source" / kSchedulerSources;
    std::error_code ignored;
    for (const std::string_view name : AllNames()) {
      if (!IsAskedFor(name)) continue;
      if (HasScheduler(place_, name)) {
        names_.emplace_back(name);
      } else if (!request_.names.empty() || IsOurScheduler(name) || !fs::exists(kept, ignored) ||
                 fs::exists(kept / SourceFile(name), ignored)) {
        return false;
      }
    }
    return true;
  }

  [[nodiscard]] bool IsAskedFor(std::string_view name) const {
    const auto& asked = request_.names;
    return asked.empty() || std::find(asked.begin(), asked.end(), name) != asked.end();
  }

  [[nodiscard]] SchedulerBuild Outcome(bool from_cache) const {
    SchedulerBuild outcome{kernel_.version, {}, from_cache};
    for (const std::string_view name : AllNames())
      if (std::find(names_.begin(), names_.end(), name) != names_.end())
        outcome.files.push_back(SchedulerBinary(place_, name));
    return outcome;
  }

  /// The tree of another kernel of this version, or of another source, is of no use. One of this kernel's own
  /// source is taken as it is: nothing is fetched, even if apt has a newer package by now.
  Result<> PrepareTree() {
    const fs::path& tree = tree_.directory();
    std::error_code ignored;
    origin_ = ReadSchedulerTreeOrigin(tree);
    const bool is_ours = origin_.kernel_key == kernel_.key && fs::exists(tree / "source", ignored);
    if (!is_ours || !request_.source.empty()) {
      const KernelSource source = TRY(FindKernelSource(SourceOf(request_, kernel_), progress_));
      if (!is_ours || origin_.identity != source.identity) fs::remove_all(tree, ignored);
      origin_ = {kernel_.key, source.identity, source.name};
      TRY(tree_.Create());
      (void)TRY(tree_.Source(source, SchedulerSourceParts()));
      TRY(WriteSchedulerTreeOrigin(tree, origin_));
    }
    source_ = tree / "source";
    fs::remove(tree_.log(), ignored);
    return MakeDirectory(tree / "bpftool");
  }

  /// Our own sources beside the kernel's. All or none are written: make goes by the time of one of them.
  Result<> AddOurs() {
    const fs::path into = source_ / kSchedulerSources;
    const auto ours = OurSchedulerSources();
    const bool same = std::all_of(ours.begin(), ours.end(), [&](const CarriedSource& carried) {
      const auto there = ReadTextFile(into / carried.file);
      return there.ok() && *there == carried.text;
    });
    if (same) return {};
    for (const CarriedSource& carried : ours) TRY(WriteHostFile(into / carried.file, carried.text));
    return {};
  }

  Result<> ChooseNames() {
    names_.clear();
    for (const std::string_view name : AllNames()) {
      if (!IsAskedFor(name)) continue;
      std::error_code ignored;
      if (fs::exists(source_ / kSchedulerSources / SourceFile(name), ignored)) {
        names_.emplace_back(name);
      } else if (!request_.names.empty()) {
        return InputError(fmt::format("the kernel source '{}' has no {}", origin_.name, name));
      }
    }
    return {};
  }

  Result<> Make() {
    clang_ = FindBpfClang(SearchPath());
    tree_.Say(fmt::format("building {} of {} with {}; log: {}", fmt::join(names_, ", "), origin_.name, clang_,
                          tree_.log().string()));
    // The host's bpftool is older than the kernel and leaves out what it does not know. This one runs for a
    // second: it is compiled without optimising, in a third of the time.
    const fs::path bpftool = tree_.directory() / "bpftool";
    const std::string jobs = fmt::format("-j{}", request_.jobs);
    tree_.MarkLog();
    if (TRY(tree_.Run({"make", jobs, "-C", (source_ / "tools/bpf/bpftool").string(), "LLVM=",
                       fmt::format("OUTPUT={}/", bpftool.string()), "EXTRA_CFLAGS=-O0", "bootstrap"})) != 0)
      return tree_.LogError("the kernel's bpftool cannot be built");
    std::vector<std::string> schedulers = names_;
    const bool loader = std::erase(schedulers, kObjectLoader) != 0;
    tree_.MarkLog();
    std::vector<std::string> make = {"make",
                                     jobs,
                                     "-C",
                                     (source_ / kSchedulerSources).string(),
                                     "LLVM=",
                                     "VMLINUX_H=",
                                     "O=" + tree_.directory().string(),
                                     "CLANG=" + clang_,
                                     "VMLINUX_BTF=" + kernel_.vmlinux.string(),
                                     "BPFTOOL=" + (bpftool / "bootstrap/bpftool").string(),
                                     fmt::format("c-sched-targets={}", fmt::join(schedulers, " ")),
                                     "all"};
    if (loader)
      make.insert(make.end(), {"-f", "Makefile", "-f", "ktstr_load.mk", std::string(kObjectLoader)});
    if (TRY(tree_.Run(std::move(make))) != 0) return tree_.LogError("the schedulers cannot be built");
    return {};
  }

  /// Puts the binaries into the cache, without what only debuggers of them read.
  Result<> Keep() {
    const fs::path ready = tree_.directory() / "ready";
    std::error_code failed;
    fs::remove_all(ready, failed);
    TRY(MakeDirectory(ready));
    tree_.MarkLog();
    for (const std::string& name : names_) {
      const fs::path binary = tree_.directory() / "build/bin" / name;
      if (TRY(tree_.Run({"objcopy", "--strip-debug", binary.string(), (ready / name).string()})) != 0)
        return tree_.LogError(fmt::format("the debug information cannot be taken off {}", name));
    }
    // Those of another kernel of this version are of no use.
    if (!is_of_kernel_) fs::remove_all(place_, failed);
    for (const std::string& name : names_) {
      const fs::path binary = SchedulerBinary(place_, name);
      TRY(MakeDirectory(binary.parent_path()));
      fs::rename(ready / name, binary, failed);
      if (failed) return NotWritten(binary, failed);
    }
    RemoveOutdated();
    fs::copy_file(tree_.log(), place_ / "build.log", fs::copy_options::overwrite_existing, failed);
    return WriteBuiltSchedulers(place_, {kernel_.key, origin_.name, clang_});
  }

  /// Those of our own that other versions of this program have left.
  void RemoveOutdated() const {
    std::vector<fs::path> ours;
    for (const std::string_view name : AllNames())
      if (IsOurScheduler(name)) ours.push_back(SchedulerBinary(place_, name).parent_path());
    std::error_code failed;
    for (const fs::directory_entry& entry : DirectoryEntries(place_)) {
      const bool current = std::find(ours.begin(), ours.end(), entry.path()) != ours.end();
      if (current || !entry.is_directory(failed)) continue;
      if (fs::file_time_type::clock::now() - fs::last_write_time(entry.path(), failed) > kOthersKept)
        fs::remove_all(entry.path(), failed);
    }
  }

  const SchedulerBuildRequest& request_;
  const KernelProgress& progress_;
  Kernel kernel_;
  fs::path place_;
  BuildTree tree_;
  bool is_of_kernel_ = false;  // what is in place_ now
  std::vector<std::string> names_;
  SchedulerTreeOrigin origin_;
  fs::path source_;
  std::string clang_;
};

/// Removes what belongs to kernels that are no longer cached.
Result<> RemoveOrphans(const fs::path& schedulers) {
  const std::vector<Kernel> kernels = TRY(ListKernels());
  for (const fs::directory_entry& entry : DirectoryEntries(schedulers)) {
    std::error_code failed;
    std::string version = entry.path().filename().string();
    if (!entry.is_directory(failed)) continue;
    if (version.starts_with(".build-")) version.erase(0, std::string_view(".build-").size());
    if (std::none_of(kernels.begin(), kernels.end(),
                     [&](const Kernel& kernel) { return kernel.version == version; }))
      fs::remove_all(entry.path(), failed);
  }
  return {};
}

Result<SchedulerBuild> FindOrBuildSchedulers(const SchedulerBuildRequest& request,
                                             const KernelProgress& progress) {
  TRY(CheckNames(request.names));
  TRY(CheckBuildTools("building schedulers", SchedulerBuildTools()));
  Kernel kernel = TRY(KernelWithTypes(request.kernel));
  const fs::path schedulers = TRY(SchedulerCacheDir());
  const FileLock lock = TRY(FileLock::Acquire(schedulers / ".lock", [&] {
    if (progress) progress("waiting for another ktstr-interp that is building schedulers");
  }));
  TRY(RemoveOrphans(schedulers));
  return SchedulerMaker(request, progress, std::move(kernel), schedulers).Run();
}

}  // namespace

Result<SchedulerBuild> BuildSchedulers(const SchedulerBuildRequest& request, const KernelProgress& progress) {
  auto built = FindOrBuildSchedulers(request, progress);
  if (!built.ok() && IsCancelled(request.cancel_fd)) {
    return Error{ErrorKind::kCancelled,
                 "the build of schedulers was interrupted; the same command goes on with it"};
  }
  return built;
}

}  // namespace ktstr::vmm
