#include "vmm/kernel_fetch.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "vmm/cache_dir.h"
#include "vmm/host_command.h"
#include "vmm/host_file.h"
#include "vmm/kernels.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::string_view kPackagePrefix = "linux-image-6.12.";
constexpr std::string_view kPattern = "linux-image-6.12*-cloud-amd64";
constexpr const char* kDirectory = "kernels";
constexpr const char* kWorkPrefix = ".fetch-";

/// Why there is no default kernel, and the way out of it.
Error NoKernel(std::string_view cause) {
  return {ErrorKind::kEnvironment,
          fmt::format("no kernel: {}; give one with --kernel IMAGE or $KTSTR_KERNEL", cause)};
}

std::string HashText(std::span<const std::byte> bytes) {
  return fmt::format("{:016x}", XXH64(bytes.data(), bytes.size(), 0));
}

std::string Text(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// The kernel in one directory of the cache; an error when anything about it is not as the fetch left it.
Result<Kernel> ReadCached(const fs::path& dir) {
  const auto described = TRY(ReadHostFile(dir / "kernel.json", 65536));
  const auto* text = reinterpret_cast<const char*>(described.data());
  const Json description = Json::parse(text, text + described.size(), nullptr, false);
  Kernel kernel = TRY(InspectKernel(dir / "vmlinuz", "cache"));
  if (Text(description, "version") != kernel.version ||
      Text(description, "image_xxh64") != HashText(TRY(ReadHostFile(kernel.image)))) {
    return Error{ErrorKind::kEnvironment, fmt::format("the cached kernel {} is damaged", dir.string())};
  }
  kernel.package = Text(description, "package");
  return kernel;
}

std::vector<Kernel> ReadCache(const fs::path& kernels) {
  std::vector<Kernel> found;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(kernels, failed)) {
    if (entry.path().filename().string().starts_with('.')) continue;
    if (auto kernel = ReadCached(entry.path()); kernel.ok()) found.push_back(std::move(*kernel));
  }
  std::sort(found.begin(), found.end(),
            [](const Kernel& a, const Kernel& b) { return CompareVersions(a.version, b.version) > 0; });
  return found;
}

/// apt-get with what every call needs. As root apt would drop to the user _apt, who may not enter the cache,
/// and print a warning about it.
std::vector<std::string> AptGet(std::initializer_list<std::string> arguments) {
  std::vector<std::string> argv = {"apt-get", "-q",
                                   "-o",      "Acquire::Retries=2",
                                   "-o",      "Acquire::http::Timeout=30",
                                   "-o",      "DPkg::Lock::Timeout=60"};
  if (::geteuid() == 0) argv.insert(argv.end(), {"-o", "APT::Sandbox::User=root"});
  argv.insert(argv.end(), arguments);
  return argv;
}

struct Package {
  std::string name;
  std::uint64_t bytes = 0;  // to download; 0 when apt does not say
};

std::uint64_t SizeField(std::string_view record) {
  constexpr std::string_view kField = "\nSize: ";
  const std::size_t at = record.find(kField);
  std::uint64_t size = 0;
  if (at != std::string_view::npos) {
    std::from_chars(record.data() + at + kField.size(), record.data() + record.size(), size);
  }
  return size;
}

/// The newest package that apt can really download; nothing when there is none. apt lists names that
/// other packages merely mention, so the record itself is asked for.
Result<std::optional<Package>> NewestPackage() {
  const auto names = TRY(RunCommand({"apt-cache", "pkgnames", std::string(kPackagePrefix)}));
  for (const std::string& name : KernelPackages(names.output)) {
    const auto record = TRY(RunCommand({"apt-cache", "show", "--no-all-versions", name}));
    if (record.exit_code != 0 || record.output.find("\nFilename: ") == std::string::npos) continue;
    return std::optional<Package>({name, SizeField(record.output)});
  }
  return std::optional<Package>();
}

/// What went wrong; apt-get itself counts an unreachable mirror as a success with a warning.
Result<> UpdateLists(const KernelProgress& progress) {
  if (progress) progress("updating apt's package lists");
  const auto update = TRY(RunCommand(AptGet({"update"})));
  if (update.exit_code == 0 && update.errors.find("Failed to fetch") == std::string::npos) return {};
  return Error{ErrorKind::kEnvironment,
               update.exit_code == 0 ? "apt-get update could not fetch the package lists (is the network up?)"
                                     : fmt::format("apt-get update failed: {}", CommandCause(update))};
}

Result<Package> ChoosePackage(const KernelProgress& progress) {
  auto package = TRY(NewestPackage());
  if (!package && ::geteuid() == 0) {
    const Result<> updated = UpdateLists(progress);
    package = TRY(NewestPackage());
    // One unreachable source among many does no harm as long as the package is there.
    if (!package) TRY(updated);
  }
  if (package) return *package;
  return Error{ErrorKind::kEnvironment,
               ::geteuid() == 0
                   ? fmt::format("apt offers no {} package", kPattern)
                   : fmt::format("apt knows no {} package (sudo apt-get update may help)", kPattern)};
}

/// The only file in `dir` whose name starts with `prefix`; empty when there is none.
fs::path FileStarting(const fs::path& dir, std::string_view prefix) {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(dir, failed)) {
    if (entry.path().filename().string().starts_with(prefix) && entry.is_regular_file(failed))
      return entry.path();
  }
  return {};
}

Result<fs::path> Download(const Package& package, const fs::path& work, const KernelProgress& progress) {
  if (progress) {
    const std::string size =
        package.bytes == 0 ? "" : fmt::format(" ({} MB)", (package.bytes + 500'000) / 1'000'000);
    progress(fmt::format("fetching {}{} with apt-get, into the cache only", package.name, size));
  }
  auto download = TRY(RunCommand(AptGet({"download", package.name}), work));
  if (download.exit_code != 0 && ::geteuid() == 0) {
    // Stale lists name a version the mirror no longer has. If this fails too, the download says why.
    (void)UpdateLists(progress);
    download = TRY(RunCommand(AptGet({"download", package.name}), work));
  }
  fs::path archive = FileStarting(work, "linux-image-");
  if (download.exit_code == 0 && !archive.empty()) return archive;
  return Error{ErrorKind::kEnvironment,
               fmt::format("apt-get download {} failed: {}", package.name, CommandCause(download))};
}

/// Unpacks `archive` and gathers what is kept of it in `work`/ready.
Result<Kernel> Unpack(const Package& package, const fs::path& archive, const fs::path& work) {
  const auto unpack = TRY(RunCommand({"dpkg-deb", "-x", archive.string(), (work / "package").string()}));
  if (unpack.exit_code != 0) {
    return Error{ErrorKind::kEnvironment,
                 fmt::format("{} cannot be unpacked: {}", package.name, CommandCause(unpack))};
  }
  const fs::path boot = work / "package" / "boot";
  const fs::path image = FileStarting(boot, "vmlinuz-");
  if (image.empty()) {
    return Error{ErrorKind::kEnvironment, fmt::format("{} contains no /boot/vmlinuz-*", package.name)};
  }
  const Kernel kernel = TRY(InspectKernel(image, "fetched"));
  const fs::path ready = work / "ready";
  std::error_code failed;
  fs::create_directory(ready, failed);
  if (!failed) fs::rename(image, ready / "vmlinuz", failed);
  if (!failed && !kernel.config.empty()) fs::rename(kernel.config, ready / "config", failed);
  if (!failed && !kernel.system_map.empty()) fs::rename(kernel.system_map, ready / "System.map", failed);
  if (failed) {
    return Error{ErrorKind::kEnvironment,
                 fmt::format("{} cannot be written: {}", ready.string(), failed.message())};
  }
  const auto now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  const Json description = {{"version", kernel.version},
                            {"package", package.name},
                            {"image_xxh64", HashText(TRY(ReadHostFile(ready / "vmlinuz")))},
                            {"fetched", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now))}};
  TRY(WriteHostFile(ready / "kernel.json", description.dump(2) + "\n"));
  return kernel;
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
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::directory_iterator(kernels, ignored)) {
    if (entry.path().filename().string().starts_with(kWorkPrefix)) leftovers.push_back(entry.path());
  }
  for (const fs::path& path : leftovers) fs::remove_all(path, ignored);
}

/// REQUIRES: the caller holds the cache's lock.
Result<Kernel> FetchLocked(const fs::path& kernels, const KernelProgress& progress) {
  RemoveLeftovers(kernels);
  const Package package = TRY(ChoosePackage(progress));
  for (Kernel& kernel : ReadCache(kernels)) {
    if (kernel.package == package.name) return std::move(kernel);
  }
  const WorkDirectory work(kernels / fmt::format("{}{}", kWorkPrefix, ::getpid()));
  std::error_code failed;
  fs::create_directory(work.path(), failed);
  if (failed) {
    return Error{ErrorKind::kEnvironment, fmt::format("the cache directory {} cannot be written: {}",
                                                      kernels.string(), failed.message())};
  }
  const fs::path archive = TRY(Download(package, work.path(), progress));
  const Kernel fetched = TRY(Unpack(package, archive, work.path()));
  const fs::path final = kernels / fetched.version;
  fs::rename(final, work.path() / "replaced", failed);  // a damaged one of the same version, if any
  fs::rename(work.path() / "ready", final, failed);
  if (failed) {
    return Error{ErrorKind::kEnvironment,
                 fmt::format("{} cannot be written: {}", final.string(), failed.message())};
  }
  Kernel kernel = TRY(ReadCached(final));
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

Result<std::vector<Kernel>> ListKernels() { return ReadCache(TRY(CacheSubdir(kDirectory))); }

Result<Kernel> FetchDefaultKernel(const KernelProgress& progress) {
  const fs::path kernels = TRY(CacheSubdir(kDirectory));
  const FileLock lock = TRY(FileLock::Acquire(kernels / ".lock", [&] {
    if (progress) progress("waiting for another ktstr-interp that is fetching a kernel");
  }));
  auto kernel = FetchLocked(kernels, progress);
  if (kernel.ok() || kernel.error().kind == ErrorKind::kCancelled) return kernel;
  return NoKernel(kernel.error().message);
}

}  // namespace ktstr::vmm
