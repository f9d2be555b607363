#include "vmm/kernel/kernel_cache.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "vmm/host/cache_dir.h"
#include "vmm/host/directory_entries.h"
#include "vmm/host/host_file.h"
#include "vmm/host/known_files.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::string Text(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string_view View(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string HashDigits(std::uint64_t hash) { return fmt::format("{:016x}", hash); }

/// The kernel in one directory of the cache, and the hash that its image should have.
struct Entry {
  Kernel kernel;
  std::string hash;
};

Result<Entry> ReadEntry(const fs::path& dir) {
  if (!OnlyOursToWrite(dir)) {
    return Error{
        ErrorKind::kEnvironment,
        fmt::format("the cached kernel {} is not used: others could have written to it", dir.string())};
  }
  const auto described = TRY(ReadHostFile(dir / "kernel.json", 65536));
  const Json description = Json::parse(View(described), nullptr, false);
  Kernel kernel = TRY(InspectKernel(dir / "vmlinuz", "cache"));
  if (Text(description, "version") != kernel.version) {
    return Error{ErrorKind::kEnvironment, fmt::format("the cached kernel {} is damaged", dir.string())};
  }
  kernel.package = Text(description, "package");
  kernel.built = Text(description, "kind") == "built";
  kernel.source = Text(description, "source");
  kernel.key = Text(description, "key");
  kernel.made = Text(description, "made");
  std::error_code missing;
  if (fs::is_regular_file(dir / "vmlinux", missing)) kernel.vmlinux = dir / "vmlinux";
  return Entry{std::move(kernel), Text(description, "image_xxh64")};
}

bool Intact(const Entry& entry, const KnownFiles& known) {
  const auto hash = known.Hash(entry.kernel.image);
  return hash.ok() && HashDigits(*hash) == entry.hash;
}

/// Beside the kernels, where KnownFiles::InCache() has them for the user's own cache.
KnownFiles KnownBeside(const fs::path& kernels) { return KnownFiles(kernels.parent_path() / "known-files"); }

/// Variants of one build ("6.12.117-ktstr-0a1b2c") count as the same version.
std::string_view PlainVersion(const Kernel& kernel) {
  const std::string_view version = kernel.version;
  return kernel.built ? version.substr(0, version.find("-ktstr")) : version;
}

bool IsPreferred(const Kernel& a, const Kernel& b) {
  if (a.built != b.built) return a.built;
  if (const int order = CompareVersions(PlainVersion(a), PlainVersion(b)); order != 0) return order > 0;
  return a.made != b.made ? a.made > b.made : CompareVersions(a.version, b.version) > 0;
}

std::uint64_t BytesBelow(const fs::path& path) {
  std::error_code failed;
  if (!fs::is_directory(path, failed)) return 0;
  std::uint64_t bytes = 0;
  for (auto entry = fs::recursive_directory_iterator(path, failed);
       !failed && entry != fs::recursive_directory_iterator(); entry.increment(failed)) {
    std::error_code unreadable;
    if (entry->is_symlink(unreadable) || !entry->is_regular_file(unreadable)) continue;
    const std::uint64_t size = entry->file_size(unreadable);
    if (!unreadable) bytes += size;
  }
  return bytes;
}

/// Removes things, and remembers them.
class Remover {
 public:
  Result<> Remove(const fs::path& path, std::string what) {
    const std::uint64_t bytes = BytesBelow(path);
    std::error_code failed;
    fs::remove_all(path, failed);
    if (failed) {
      return Error{ErrorKind::kEnvironment,
                   fmt::format("{} cannot be removed: {}", path.string(), failed.message())};
    }
    removed_.push_back({std::move(what), bytes});
    return {};
  }
  std::vector<RemovedKernel> Take() { return std::move(removed_); }

 private:
  std::vector<RemovedKernel> removed_;
};

std::vector<fs::path> DirectoriesIn(const fs::path& directory) {
  std::vector<fs::path> entries;
  std::error_code failed;
  for (const fs::directory_entry& entry : DirectoryEntries(directory))
    if (entry.is_directory(failed)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

/// Work in progress whose lock nobody holds is not in progress.
Result<> RemoveAbandoned(const fs::path& kernels, std::string_view prefix, const char* lock_name,
                         std::string_view noun, const KernelProgress& busy, Remover& remover) {
  const auto lock = TRY(FileLock::TryAcquire(kernels / lock_name));
  if (!lock) {
    if (busy) busy(fmt::format("a {} by another ktstr-interp goes on; its files stay", noun));
    return {};
  }
  for (const fs::path& path : DirectoriesIn(kernels)) {
    const std::string name = path.filename().string();
    if (name.starts_with(prefix)) TRY(remover.Remove(path, fmt::format("an abandoned {} ({})", noun, name)));
  }
  return {};
}

}  // namespace

std::string HashText(std::string_view bytes) { return HashDigits(XXH64(bytes.data(), bytes.size(), 0)); }

Error NotWritten(const fs::path& path, const std::error_code& failure) {
  return {ErrorKind::kEnvironment, fmt::format("{} cannot be written: {}", path.string(), failure.message())};
}

Result<fs::path> KernelCacheDir() { return CacheSubdir("kernels"); }

Result<std::vector<Kernel>> ListKernels() { return ReadKernelCache(TRY(KernelCacheDir())); }

namespace {

/// In the order of preference; their images are yet to be checked.
std::vector<Entry> Entries(const fs::path& kernels) {
  std::vector<Entry> found;
  for (const fs::path& path : DirectoriesIn(kernels)) {
    if (path.filename().string().starts_with('.')) continue;
    if (auto entry = ReadEntry(path); entry.ok()) found.push_back(std::move(*entry));
  }
  std::sort(found.begin(), found.end(),
            [](const Entry& a, const Entry& b) { return IsPreferred(a.kernel, b.kernel); });
  return found;
}

}  // namespace

std::vector<Kernel> ReadKernelCache(const fs::path& kernels) {
  const KnownFiles known = KnownBeside(kernels);
  std::vector<Kernel> intact;
  for (Entry& entry : Entries(kernels))
    if (Intact(entry, known)) intact.push_back(std::move(entry.kernel));
  return intact;
}

std::optional<Kernel> PreferredKernel(const fs::path& kernels) {
  const KnownFiles known = KnownBeside(kernels);
  for (Entry& entry : Entries(kernels))
    if (Intact(entry, known)) return std::move(entry.kernel);
  return std::nullopt;
}

Result<Kernel> PutKernel(const fs::path& kernels, const fs::path& ready, const Kernel& kernel) {
  const Kernel inspected = TRY(InspectKernel(ready / "vmlinuz", ""));
  const auto now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  const Json description = {{"version", inspected.version},
                            {"kind", kernel.built ? "built" : "fetched"},
                            {"package", kernel.package},
                            {"source", kernel.source},
                            {"key", kernel.key},
                            {"image_xxh64", HashDigits(TRY(HashHostFile(inspected.image)))},
                            {"made", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now))}};
  TRY(WriteHostFile(ready / "kernel.json", description.dump(2) + "\n"));
  const fs::path final = kernels / inspected.version;
  const fs::path replaced = kernels / fmt::format(".fetch-replaced-{}", ::getpid());
  std::error_code failed;
  fs::rename(final, replaced, failed);  // another or a damaged one of the same version, if any
  fs::rename(ready, final, failed);
  std::error_code ignored;
  fs::remove_all(replaced, ignored);
  if (failed) return NotWritten(final, failed);
  return TRY(ReadEntry(final)).kernel;
}

Result<std::vector<RemovedKernel>> KeepNewestKernels(std::size_t keep, const KernelProgress& busy) {
  const fs::path kernels = TRY(KernelCacheDir());
  Remover remover;
  std::map<bool, std::size_t> kept;
  std::vector<fs::path> intact;
  for (const Kernel& kernel : ReadKernelCache(kernels)) {
    intact.push_back(kernel.image.parent_path());
    if (++kept[kernel.built] <= keep) continue;
    TRY(remover.Remove(intact.back(),
                       fmt::format("{} ({})", kernel.version, kernel.built ? "built" : "fetched")));
  }
  for (const fs::path& path : DirectoriesIn(kernels)) {
    const std::string name = path.filename().string();
    if (name.starts_with('.') || std::find(intact.begin(), intact.end(), path) != intact.end()) continue;
    TRY(remover.Remove(path, fmt::format("{} (damaged)", name)));
  }
  TRY(RemoveAbandoned(kernels, ".fetch-", ".lock", "fetch", busy, remover));
  TRY(RemoveAbandoned(kernels, ".build-", ".build.lock", "build", busy, remover));
  return remover.Take();
}

}  // namespace ktstr::vmm
