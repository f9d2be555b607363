#include "vmm/kernel/kernel_build.h"

#include <fmt/format.h>
#include <poll.h>

#include <chrono>

#include "vmm/host/cache_dir.h"
#include "vmm/host/host_file.h"
#include "vmm/host/spawn.h"
#include "vmm/kernel/kernel_cache.h"
#include "vmm/kernel/kernel_config.h"
#include "vmm/kernel/kernel_make.h"
#include "vmm/kernel/kernel_source.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kProgressEvery{15};

std::string Elapsed(Clock::duration time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  return seconds < 60 ? fmt::format("{} s", seconds) : fmt::format("{} min {} s", seconds / 60, seconds % 60);
}

Result<std::string> ReadText(const fs::path& path) {
  const auto bytes = TRY(ReadHostFile(path));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<> MakeDirectory(const fs::path& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  return failed ? Result<>(NotWritten(path, failed)) : Result<>();
}

Result<> CheckTools() {
  const fs::path include_dirs[] = {"/usr/include", "/usr/local/include", "/usr/include/x86_64-linux-gnu"};
  const auto missing = MissingBuildTools(SearchPath(), include_dirs);
  if (missing.empty()) return {};
  return Error{ErrorKind::kEnvironment, MissingToolsText(missing)};
}

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
      : request_(request), progress_(progress), source_(std::move(source)), kernels_(kernels) {
    const bool plain = request.source.empty() && fragment.empty();
    key_ = HashText(source_.identity + '\n' + MergedFragment(fragment, ""));
    fragment_ = MergedFragment(fragment, plain ? "-ktstr" : "-ktstr-" + key_.substr(0, 6));
    tree_ = kernels / (".build-" + HashText(source_.place + '\n' + MergedFragment(fragment, "")));
  }

  [[nodiscard]] const std::string& key() const { return key_; }

  Result<Kernel> Run() {
    TRY(MakeDirectory(tree_ / "obj"));
    log_ = tree_ / "build.log";
    const fs::path source = source_.directory.empty() ? TRY(UnpackedSource()) : source_.directory;
    TRY(Configure(source));
    TRY(MakeImage(source));
    return Keep();
  }

 private:
  void Say(const std::string& line) const {
    if (progress_) progress_(line);
  }

  Result<int> Command(std::vector<std::string> argv, const CommandWatcher& watcher = {}) const {
    return RunLogged({std::move(argv), tree_, log_, request_.cancel_fd}, watcher);
  }

  Error LogError(std::string_view what) const {
    const auto log = ReadText(log_);
    const std::string line = log.ok() ? FirstErrorLine(log->substr(log_start_)) : std::string();
    return {ErrorKind::kEnvironment,
            fmt::format("{}: {} (log: {})", what, line.empty() ? "no reason given" : line, log_.string())};
  }

  /// From here on the log is about the next command.
  void MarkLog() {
    std::error_code none;
    const std::uintmax_t size = fs::file_size(log_, none);
    log_start_ = none ? 0 : static_cast<std::size_t>(size);
  }

  /// The source tree below tree_. It appears by a rename, so it is complete when it is there.
  Result<fs::path> UnpackedSource() {
    const fs::path source = tree_ / "source", partial = tree_ / "unpacking";
    std::error_code failed;
    if (fs::exists(source, failed)) return source;
    fs::remove_all(partial, failed);
    TRY(MakeDirectory(partial));
    fs::path tarball = source_.tarball;
    if (tarball.empty()) {
      const fs::path archive = TRY(DownloadAptPackage(source_.package, tree_, progress_));
      TRY(UnpackAptPackage(source_.package.name, archive, tree_ / "package"));
      tarball = FileStarting(tree_ / "package/usr/src", source_.package.name + ".tar");
      fs::remove(archive, failed);
    }
    Say(fmt::format("unpacking {}", source_.name));
    MarkLog();
    const int code =
        TRY(Command({"tar", "-xf", tarball.string(), "-C", partial.string(), "--strip-components=1"}));
    if (code != 0) {
      // tar and xz say the cause first, then that they give up.
      const auto log = ReadText(log_);
      const std::string said = log.ok() ? log->substr(log_start_) : std::string();
      return Error{ErrorKind::kInput, fmt::format("the kernel source '{}' cannot be unpacked: {}",
                                                  source_.name, said.substr(0, said.find('\n')))};
    }
    if (const std::string lack = NotAKernelTree(partial); !lack.empty())
      return Error{ErrorKind::kInput, fmt::format("'{}' holds no kernel tree ({})", source_.name, lack)};
    fs::remove_all(tree_ / "package", failed);
    fs::rename(partial, source, failed);
    if (failed) return NotWritten(source, failed);
    return source;
  }

  std::vector<std::string> Make(const fs::path& source, std::vector<std::string> more) const {
    // An empty LOCALVERSION keeps a git tree's state out of the release.
    std::vector<std::string> argv = {"make",
                                     "-C",
                                     source.string(),
                                     "O=" + (tree_ / "obj").string(),
                                     "ARCH=x86_64",
                                     "LOCALVERSION=",
                                     "KBUILD_BUILD_USER=ktstr",
                                     "KBUILD_BUILD_HOST=ktstr"};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }

  Result<> Configure(const fs::path& source) {
    const fs::path fragment = tree_ / "fragment.config";
    TRY(WriteHostFile(fragment, fragment_));
    Say(fmt::format("configuring {}", source_.name));
    MarkLog();
    if (TRY(Command(Make(source, {"KCONFIG_ALLCONFIG=" + fragment.string(), "allnoconfig"}))) != 0 ||
        TRY(Command(Make(source, {"olddefconfig"}))) != 0)
      return LogError("the kernel cannot be configured");
    const auto lacking = LackingOptions(TRY(ReadText(tree_ / "obj/.config")));
    if (lacking.empty()) return {};
    return Error{ErrorKind::kInput, LackingText(lacking)};
  }

  Result<> MakeImage(const fs::path& source) {
    Say(fmt::format("building with {} job{}; log: {}", request_.jobs, request_.jobs == 1 ? "" : "s",
                    log_.string()));
    const Clock::time_point start = Clock::now();
    Clock::time_point said = start;
    std::size_t objects = 0;
    CommandWatcher watcher;
    watcher.line = [&](std::string_view line) { objects += IsObjectLine(line) ? 1 : 0; };
    watcher.tick = [&] {
      if (Clock::now() - said < kProgressEvery) return;
      said = Clock::now();
      Say(fmt::format("{} files made, {}", objects, Elapsed(said - start)));
    };
    MarkLog();
    const int code = TRY(Command(Make(source, {fmt::format("-j{}", request_.jobs), "bzImage"}), watcher));
    if (code != 0) return LogError("make failed");
    Say(fmt::format("{} files made in {}", objects, Elapsed(Clock::now() - start)));
    return {};
  }

  /// Moves what is worth keeping into the cache and drops the tree.
  Result<Kernel> Keep() {
    const fs::path obj = tree_ / "obj", ready = tree_ / "ready";
    std::error_code failed;
    fs::remove_all(ready, failed);
    TRY(MakeDirectory(ready));
    MarkLog();
    if (TRY(Command(
            {"objcopy", "--strip-debug", (obj / "vmlinux").string(), (ready / "vmlinux").string()})) != 0)
      return LogError("the debug information cannot be taken off vmlinux");
    const std::pair<fs::path, const char*> files[] = {{obj / "arch/x86/boot/bzImage", "vmlinuz"},
                                                      {obj / ".config", "config"},
                                                      {obj / "System.map", "System.map"},
                                                      {log_, "build.log"}};
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
    fs::remove_all(tree_, failed);
    return kernel;
  }

  const KernelBuildRequest& request_;
  const KernelProgress& progress_;
  KernelSource source_;
  fs::path kernels_;
  std::string key_;
  std::string fragment_;  // merged
  fs::path tree_;
  fs::path log_;
  std::size_t log_start_ = 0;
};

bool IsCancelled(int cancel_fd) {
  pollfd wait{cancel_fd, POLLIN, 0};
  return cancel_fd >= 0 && ::poll(&wait, 1, 0) > 0;
}

Result<Kernel> FindOrBuild(const KernelBuildRequest& request, const KernelProgress& progress) {
  TRY(CheckTools());
  std::string fragment;
  if (!request.fragment.empty()) {
    auto text = ReadText(request.fragment);
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
