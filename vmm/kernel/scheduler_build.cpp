#include "vmm/kernel/scheduler_build.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "vmm/host/cache_dir.h"
#include "vmm/host/directory_entries.h"
#include "vmm/host/host_file.h"
#include "vmm/host/spawn.h"
#include "vmm/kernel/build_tools.h"
#include "vmm/kernel/build_tree.h"
#include "vmm/kernel/kernel_cache.h"
#include "vmm/kernel/kernel_source.h"
#include "vmm/kernel/scheduler_sources.h"
#include "vmm/kernel/schedulers.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTools = "tools/sched_ext";

/// Of a whole kernel source's 1.5 GB, 6 MB are needed.
const std::vector<std::string> kToolParts = {kTools,
                                             "tools/lib",
                                             "tools/bpf/bpftool",
                                             "tools/include",
                                             "tools/build",
                                             "tools/scripts",
                                             "tools/arch/x86/include",
                                             "kernel/bpf/disasm.c",
                                             "kernel/bpf/disasm.h",
                                             "scripts/bpf_doc.py"};

std::string SourceFile(std::string_view scheduler) { return fmt::format("{}.bpf.c", scheduler); }

std::string LacksSchedulers(const fs::path& tree) {
  std::error_code ignored;
  return fs::exists(tree / kTools / "Makefile", ignored) ? "" : fmt::format("it has no {}", kTools);
}

Result<> CheckNames(std::span<const std::string> names) {
  for (const std::string& name : names)
    if (FindShippedScheduler(name) == nullptr) return UnknownScheduler(name);
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
        tree_(schedulers / (".build-" + kernel_.version), request.cancel_fd, progress) {}

  Result<SchedulerBuild> Run() {
    built_ = ReadBuiltSchedulers(place_);
    if (built_.kernel_key != kernel_.key) built_ = {};
    if (request_.source.empty() && AllThere()) return Outcome(true);
    const KernelSource source = TRY(FindKernelSource(SourceOf(request_, kernel_), progress_));
    TRY(PrepareTree(source));
    source_ = TRY(tree_.Source(source, {kToolParts, &LacksSchedulers}));
    TRY(AddOurs());
    TRY(ChooseNames(source));
    TRY(Make(source));
    TRY(Keep(source));
    return Outcome(false);
  }

 private:
  /// Whether nothing has to be built, of those asked for or of all that the source has.
  [[nodiscard]] bool AllThere() {
    const fs::path kept = tree_.directory() / "source" / kTools;
    std::error_code ignored;
    for (const ShippedScheduler& scheduler : ShippedSchedulers()) {
      if (!IsAskedFor(scheduler.name)) continue;
      if (HasScheduler(built_, place_, scheduler.name)) {
        names_.emplace_back(scheduler.name);
      } else if (!request_.names.empty() || !SchedulerContent(scheduler.name).empty() ||
                 !fs::exists(kept, ignored) || fs::exists(kept / SourceFile(scheduler.name), ignored)) {
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
    for (const ShippedScheduler& scheduler : ShippedSchedulers())
      if (std::find(names_.begin(), names_.end(), scheduler.name) != names_.end())
        outcome.files.push_back(place_ / scheduler.name);
    return outcome;
  }

  /// The tree of another kernel of this version, or of another source, is of no use.
  Result<> PrepareTree(const KernelSource& source) {
    const std::string wanted = kernel_.key + '\n' + source.identity + '\n';
    const fs::path made_of = tree_.directory() / "made-of";
    std::error_code ignored;
    if (const auto is = ReadTextFile(made_of); !is.ok() || *is != wanted)
      fs::remove_all(tree_.directory(), ignored);
    fs::remove(tree_.log(), ignored);
    TRY(MakeDirectory(tree_.directory() / "bpftool"));
    return WriteHostFile(made_of, wanted);
  }

  /// Our own sources beside the kernel's. All or none are written: make goes by the time of one of them.
  Result<> AddOurs() {
    const fs::path into = source_ / kTools;
    const auto ours = OurSchedulerSources();
    const bool same = std::all_of(ours.begin(), ours.end(), [&](const CarriedSource& carried) {
      const auto there = ReadTextFile(into / carried.file);
      return there.ok() && *there == carried.text;
    });
    if (same) return {};
    for (const CarriedSource& carried : ours) TRY(WriteHostFile(into / carried.file, carried.text));
    return {};
  }

  Result<> ChooseNames(const KernelSource& source) {
    names_.clear();
    for (const ShippedScheduler& scheduler : ShippedSchedulers()) {
      if (!IsAskedFor(scheduler.name)) continue;
      std::error_code ignored;
      if (fs::exists(source_ / kTools / SourceFile(scheduler.name), ignored)) {
        names_.emplace_back(scheduler.name);
      } else if (!request_.names.empty()) {
        return InputError(fmt::format("the kernel source '{}' has no {}", source.name, scheduler.name));
      }
    }
    return {};
  }

  Result<> Make(const KernelSource& source) {
    clang_ = FindBpfClang(SearchPath());
    tree_.Say(fmt::format("building {} of {} with {}; log: {}", fmt::join(names_, ", "), source.name, clang_,
                          tree_.log().string()));
    // The host's bpftool is older than the kernel and leaves out what it does not know.
    const fs::path bpftool = tree_.directory() / "bpftool";
    const std::string jobs = fmt::format("-j{}", request_.jobs);
    tree_.MarkLog();
    if (TRY(tree_.Run({"make", jobs, "-C", (source_ / "tools/bpf/bpftool").string(),
                       "LLVM=", fmt::format("OUTPUT={}/", bpftool.string()), "bootstrap"})) != 0)
      return tree_.LogError("the kernel's bpftool cannot be built");
    tree_.MarkLog();
    if (TRY(tree_.Run({"make", jobs, "-C", (source_ / kTools).string(),
                       "LLVM=", "VMLINUX_H=", "O=" + tree_.directory().string(), "CLANG=" + clang_,
                       "VMLINUX_BTF=" + kernel_.vmlinux.string(),
                       "BPFTOOL=" + (bpftool / "bootstrap/bpftool").string(),
                       fmt::format("c-sched-targets={}", fmt::join(names_, " ")), "all"})) != 0)
      return tree_.LogError("the schedulers cannot be built");
    return {};
  }

  /// Puts the binaries into the cache, without what only debuggers of them read.
  Result<> Keep(const KernelSource& source) {
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
    TRY(MakeDirectory(place_));
    for (const std::string& name : names_) {
      fs::rename(ready / name, place_ / name, failed);
      if (failed) return NotWritten(place_ / name, failed);
      built_.content[name] = SchedulerContent(name);
    }
    fs::copy_file(tree_.log(), place_ / "build.log", fs::copy_options::overwrite_existing, failed);
    built_.kernel_key = kernel_.key;
    built_.source = source.name;
    built_.compiler = clang_;
    return WriteBuiltSchedulers(place_, built_);
  }

  const SchedulerBuildRequest& request_;
  const KernelProgress& progress_;
  Kernel kernel_;
  fs::path place_;
  BuildTree tree_;
  BuiltSchedulers built_;
  std::vector<std::string> names_;
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
