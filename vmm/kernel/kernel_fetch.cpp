#include "vmm/kernel/kernel_fetch.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "vmm/host/cache_dir.h"
#include "vmm/host/directory_entries.h"
#include "vmm/kernel/kernel_apt.h"
#include "vmm/kernel/kernel_cache.h"
#include "vmm/kernel/kernels.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPackagePrefix = "linux-image-6.12.";
constexpr const char* kWorkPrefix = ".fetch-";

/// Why there is no default kernel, and the way out of it.
Error NoKernel(std::string_view cause) {
  return {ErrorKind::kEnvironment,
          fmt::format("no kernel: {}; give one with --kernel IMAGE or $KTSTR_KERNEL", cause)};
}

/// Unpacks `archive` and gathers what is kept of it in `work`/ready, which is returned.
Result<fs::path> Unpack(const AptPackage& package, const fs::path& archive, const fs::path& work) {
  TRY(UnpackAptPackage(package.name, archive, work / "package"));
  const fs::path image = FileStarting(work / "package" / "boot", "vmlinuz-");
  if (image.empty()) {
    return Error{ErrorKind::kEnvironment, fmt::format("{} contains no /boot/vmlinuz-*", package.name)};
  }
  const Kernel kernel = TRY(InspectKernel(image, "fetched"));
  fs::path ready = work / "ready";
  std::error_code failed;
  fs::create_directory(ready, failed);
  if (!failed) fs::rename(image, ready / "vmlinuz", failed);
  if (!failed && !kernel.config.empty()) fs::rename(kernel.config, ready / "config", failed);
  if (!failed && !kernel.system_map.empty()) fs::rename(kernel.system_map, ready / "System.map", failed);
  if (failed) return NotWritten(ready, failed);
  return ready;
}

/// A fetch's private directory; gone with the object, whatever happened.
class WorkDirectory {
 public:
  explicit WorkDirectory(fs::path path) : path_(std::move(path)) {}
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;
  ~WorkDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void RemoveLeftovers(const fs::path& kernels) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : DirectoryEntries(kernels))
    if (entry.path().filename().string().starts_with(kWorkPrefix)) fs::remove_all(entry.path(), ignored);
}

/// REQUIRES: the caller holds the cache's lock.
Result<Kernel> FetchLocked(const fs::path& kernels, const KernelProgress& progress) {
  RemoveLeftovers(kernels);
  const AptWish wish{std::string(kPackagePrefix), "linux-image-6.12*-cloud-amd64", &KernelPackages};
  const AptPackage package = TRY(FindAptPackage(wish, progress));
  for (Kernel& kernel : ReadKernelCache(kernels)) {
    if (kernel.package == package.name) return std::move(kernel);
  }
  const WorkDirectory work(kernels / fmt::format("{}{}", kWorkPrefix, ::getpid()));
  std::error_code failed;
  fs::create_directory(work.path(), failed);
  if (failed) {
    return Error{ErrorKind::kEnvironment, fmt::format("the cache directory {} cannot be written: {}",
                                                      kernels.string(), failed.message())};
  }
  const fs::path archive = TRY(DownloadAptPackage(package, work.path(), progress));
  Kernel fetched;
  fetched.package = package.name;
  const fs::path ready = TRY(Unpack(package, archive, work.path()));
  Kernel kernel = TRY(PutKernel(kernels, ready, fetched));
  kernel.origin = "fetched";
  return kernel;
}

}  // namespace

std::vector<std::string> KernelPackages(std::string_view names) {
  static constexpr std::string_view kUnsigned = "-unsigned";
  const auto bare = [](std::string_view name) {
    if (name.ends_with(kUnsigned)) name.remove_suffix(kUnsigned.size());
    return name;
  };
  std::vector<std::string> packages;
  while (!names.empty()) {
    const std::size_t end = std::min(names.find('\n'), names.size());
    const std::string_view name = names.substr(0, end);
    names.remove_prefix(std::min(end + 1, names.size()));
    if (name.starts_with(kPackagePrefix) && bare(name).ends_with("-cloud-amd64")) packages.emplace_back(name);
  }
  std::sort(packages.begin(), packages.end(), [&](const std::string& a, const std::string& b) {
    const int order = CompareVersions(bare(a), bare(b));
    return order != 0 ? order > 0 : a.size() < b.size();
  });
  return packages;
}

Result<Kernel> FetchDefaultKernel(const KernelProgress& progress) {
  const fs::path kernels = TRY(KernelCacheDir());
  const FileLock lock = TRY(FileLock::Acquire(kernels / ".lock", [&] {
    if (progress) progress("waiting for another ktstr-interp that is fetching a kernel");
  }));
  auto kernel = FetchLocked(kernels, progress);
  if (kernel.ok() || kernel.error().kind == ErrorKind::kCancelled) return kernel;
  return NoKernel(kernel.error().message);
}

}  // namespace ktstr::vmm
