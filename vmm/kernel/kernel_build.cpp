#include "vmm/kernel/kernel_build.h"

#include <fmt/format.h>

#include <chrono>

#include "vmm/host/cache_dir.h"
#include "vmm/host/host_file.h"
#include "vmm/kernel/build_tools.h"
#include "vmm/kernel/build_tree.h"
#include "vmm/kernel/kernel_cache.h"
#include "vmm/kernel/kernel_config.h"
#include "vmm/kernel/kernel_source.h"
#include "vmm/kernel/scheduler_tree.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kProgressEvery{15};

/// What make prints for a file it made: "  CC      kernel/fork.o".
bool IsObjectLine(std::string_view line) {
  return line.starts_with("  ") && line.size() > 4 && line[2] >= 'A' && line[2] <= 'Z' &&
         !line.starts_with("  CLEAN") && !line.starts_with("  SYNC");
}

/// One build, in its directory of the cache.
class Build {
 public:
  Build(const KernelBuildRequest& request, const KernelProgress& progress, KernelSource source,
        const std::string& fragment, const fs::path& kernels)
      : request_(request),
        source_(std::move(source)),
        kernels_(kernels),
        tree_(kernels / (".build-" + HashText(source_.place + '\n' + MergedFragment(fragment, ""))),
              request.cancel_fd, progress) {
    const bool plain = request.source.empty() && fragment.empty();
    key_ = HashText(source_.identity + '\n' + MergedFragment(fragment, ""));
    fragment_ = MergedFragment(fragment, plain ? "-ktstr" : "-ktstr-" + key_.substr(0, 6));
  }

  [[nodiscard]] const std::string& key() const { return key_; }

  Result<Kernel> Run() {
    TRY(MakeDirectory(tree_.directory() / "obj"));
    const fs::path source =
        source_.directory.empty() ? TRY(tree_.Source(source_, {{}, &NotAKernelTree})) : source_.directory;
    TRY(Configure(source));
    TRY(MakeImage(source));
    return Keep();
  }

 private:
  std::vector<std::string> Make(const fs::path& source, std::vector<std::string> more) const {
    // An empty LOCALVERSION keeps a git tree's state out of the release.
    std::vector<std::string> argv = {"make",
                                     "-C",
                                     source.string(),
                                     "O=" + (tree_.directory() / "obj").string(),
                                     "ARCH=x86_64",
                                     "LOCALVERSION=",
                                     "KBUILD_BUILD_USER=ktstr",
                                     "KBUILD_BUILD_HOST=ktstr"};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }

  Result<> Configure(const fs::path& source) {
    const fs::path fragment = tree_.directory() / "fragment.config";
    TRY(WriteHostFile(fragment, fragment_));
    tree_.Say(fmt::format("configuring {}", source_.name));
    tree_.MarkLog();
    if (TRY(tree_.Run(Make(source, {"KCONFIG_ALLCONFIG=" + fragment.string(), "allnoconfig"}))) != 0 ||
        TRY(tree_.Run(Make(source, {"olddefconfig"}))) != 0)
      return tree_.LogError("the kernel cannot be configured");
    const auto lacking = LackingOptions(TRY(ReadTextFile(tree_.directory() / "obj/.config")));
    if (lacking.empty()) return {};
    return Error{ErrorKind::kInput, LackingText(lacking)};
  }

  Result<> MakeImage(const fs::path& source) {
    tree_.Say(fmt::format("building with {} job{}; log: {}", request_.jobs, request_.jobs == 1 ? "" : "s",
                          tree_.log().string()));
    const Clock::time_point start = Clock::now();
    Clock::time_point said = start;
    std::size_t objects = 0;
    CommandWatcher watcher;
    watcher.line = [&](std::string_view line) { objects += IsObjectLine(line) ? 1 : 0; };
    watcher.tick = [&] {
      if (Clock::now() - said < kProgressEvery) return;
      said = Clock::now();
      tree_.Say(fmt::format("{} files made, {}", objects, Elapsed(said - start)));
    };
    tree_.MarkLog();
    const int code = TRY(tree_.Run(Make(source, {fmt::format("-j{}", request_.jobs), "bzImage"}), watcher));
    if (code != 0) return tree_.LogError("make failed");
    tree_.Say(fmt::format("{} files made in {}", objects, Elapsed(Clock::now() - start)));
    return {};
  }

  /// Moves what is worth keeping into the cache and drops the tree.
  Result<Kernel> Keep() {
    const fs::path obj = tree_.directory() / "obj", ready = tree_.directory() / "ready";
    std::error_code failed;
    fs::remove_all(ready, failed);
    TRY(MakeDirectory(ready));
    tree_.MarkLog();
    if (TRY(tree_.Run(
            {"objcopy", "--strip-debug", (obj / "vmlinux").string(), (ready / "vmlinux").string()})) != 0)
      return tree_.LogError("the debug information cannot be taken off vmlinux");
    const std::pair<fs::path, const char*> files[] = {{obj / "arch/x86/boot/bzImage", "vmlinuz"},
                                                      {obj / ".config", "config"},
                                                      {obj / "System.map", "System.map"},
                                                      {tree_.log(), "build.log"}};
    for (const auto& [from, name] : files) {
      // Copied: after a failure the next try starts with a complete tree.
      fs::copy_file(from, ready / name, failed);
      if (failed) return NotWritten(ready / name, failed);
    }
    Kernel kernel;
    kernel.built = true;
    kernel.source = source_.name;
    kernel.key = key_;
    kernel = TRY(PutKernel(kernels_, ready, kernel));
    kernel.origin = "built";
    if (source_.directory.empty()) KeepSchedulerSource(tree_.directory() / "source", source_, kernel);
    fs::remove_all(tree_.directory(), failed);
    return kernel;
  }

  const KernelBuildRequest& request_;
  KernelSource source_;
  fs::path kernels_;
  BuildTree tree_;
  std::string key_;
  std::string fragment_;  // merged
};

Result<Kernel> FindOrBuild(const KernelBuildRequest& request, const KernelProgress& progress) {
  TRY(CheckBuildTools("building a kernel", KernelBuildTools()));
  std::string fragment;
  if (!request.fragment.empty()) {
    auto text = ReadTextFile(request.fragment);
    if (!text.ok()) return text.error().Within("--config");
    fragment = std::move(*text);
  }
  KernelSource source = TRY(FindKernelSource(request.source, progress));
  const fs::path kernels = TRY(KernelCacheDir());
  Build build(request, progress, std::move(source), fragment, kernels);
  const FileLock lock = TRY(FileLock::Acquire(kernels / ".build.lock", [&] {
    if (progress) progress("waiting for another ktstr-interp that is building a kernel");
  }));
  for (Kernel& kernel : ReadKernelCache(kernels))
    if (kernel.built && kernel.key == build.key()) return std::move(kernel);
  return build.Run();
}

}  // namespace

Result<Kernel> BuildKernel(const KernelBuildRequest& request, const KernelProgress& progress) {
  auto kernel = FindOrBuild(request, progress);
  if (!kernel.ok() && IsCancelled(request.cancel_fd)) {
    return Error{ErrorKind::kCancelled, "the kernel build was interrupted; the same command goes on with it"};
  }
  return kernel;
}

}  // namespace ktstr::vmm
