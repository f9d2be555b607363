#include "vmm/template/template_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "vmm/host/cache_dir.h"
#include "vmm/host/deadline.h"
#include "vmm/host/directory_entries.h"
#include "vmm/host/host_file.h"
#include "vmm/machine/machine.h"
#include "vmm/template/template_build.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kManifest = "manifest.json";
/// A directory that is being written ends with this and belongs to whoever holds the key's lock.
constexpr std::string_view kUnfinished = ".new";
constexpr std::string_view kLock = ".lock";

std::string RenderManifest(const TemplateFacts& facts) {
  const json manifest = {{"key", facts.key},
                         {"description", facts.description},
                         {"kernel_release", facts.kernel_release},
                         {"boot_id", facts.boot_id},
                         {"parked_ns", facts.parked_ns},
                         {"build_ms", facts.build_ms},
                         {"ram_hashes", facts.ram_hashes},
                         {"state_hash", facts.state_hash}};
  return manifest.dump(1) + "\n";
}

std::optional<TemplateFacts> ReadManifest(const fs::path& directory) {
  const Result<std::vector<std::byte>> bytes = ReadHostFile(directory / kManifest, 65536);
  if (!bytes.ok()) return std::nullopt;
  const auto* text = reinterpret_cast<const char*>(bytes->data());
  try {
    const json manifest = json::parse(text, text + bytes->size());
    TemplateFacts facts;
    manifest.at("key").get_to(facts.key);
    manifest.at("description").get_to(facts.description);
    manifest.at("kernel_release").get_to(facts.kernel_release);
    manifest.at("boot_id").get_to(facts.boot_id);
    manifest.at("parked_ns").get_to(facts.parked_ns);
    manifest.at("build_ms").get_to(facts.build_ms);
    manifest.at("ram_hashes").get_to(facts.ram_hashes);
    manifest.at("state_hash").get_to(facts.state_hash);
    return facts;
  } catch (const json::exception&) {  // whatever it is, it is not a manifest of ours
    return std::nullopt;
  }
}

std::uint64_t DiskBytes(const fs::path& directory) {
  std::uint64_t bytes = 0;
  for (const fs::directory_entry& entry : DirectoryEntries(directory)) {
    struct stat status {};
    if (::stat(entry.path().c_str(), &status) == 0)
      bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  return bytes;
}

void Remove(const fs::path& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

/// The template in `directory`, whatever the directory is called; null when it is not complete.
std::shared_ptr<const Template> OpenTemplate(const fs::path& directory, const std::string& key) {
  if (!OnlyOursToWrite(directory)) return nullptr;
  std::optional<TemplateFacts> facts = ReadManifest(directory);
  if (!facts || facts->key != key) return nullptr;
  // Only to read: QEMU, which a guest may have taken over, gets these descriptors (open_broker.h).
  const auto open = [&](const std::string& name) {
    return Fd(::open((directory / name).c_str(), O_RDONLY | O_CLOEXEC));
  };
  MachineFiles files;
  files.state = open("state");
  bool complete = files.state.valid() && !facts->ram_hashes.empty();
  for (std::size_t node = 0; node < facts->ram_hashes.size(); ++node) {
    files.ram.push_back(open(fmt::format("ram{}", node)));
    complete = complete && files.ram.back().valid();
  }
  return complete ? std::make_shared<const Template>(*std::move(facts), std::move(files)) : nullptr;
}

Result<FileLock> AcquireBeforeCancel(const fs::path& path, int cancel_fd,
                                     const std::function<void()>& on_wait) {
  for (bool told = false;; told = true) {
    std::optional<FileLock> lock = TRY(FileLock::TryAcquire(path));
    if (lock) return *std::move(lock);
    if (!told) on_wait();
    // flock(2) has no deadline, and a signal here only shows at a descriptor.
    pollfd cancel{cancel_fd, POLLIN, 0};
    if (poll(&cancel, 1, 50) > 0) return Error{ErrorKind::kCancelled, "interrupted"};
  }
}

/// Those of templates that are gone. FileLock copes with a lock file that goes while somebody waits for it.
void RemoveStaleLocks(const fs::path& directory) {
  std::error_code error;
  for (const fs::directory_entry& entry : DirectoryEntries(directory)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(kLock) || fs::exists(directory / name.substr(0, name.size() - kLock.size()), error))
      continue;
    const Result<std::optional<FileLock>> lock = FileLock::TryAcquire(entry.path());
    if (lock.ok() && lock->has_value()) (*lock)->RemoveFile(entry.path());  // else it is being made
  }
}

}  // namespace

Result<MachineFiles> Template::FilesForClone() const {
  // Opened anew, not duplicated: each clone reads the state from its beginning.
  const auto open_again = [](const Fd& file) {
    return Fd(::open(fmt::format("/proc/self/fd/{}", file.get()).c_str(), O_RDONLY | O_CLOEXEC));
  };
  MachineFiles files;
  files.state = open_again(files_.state);
  for (const Fd& ram : files_.ram) files.ram.push_back(open_again(ram));
  const bool all = files.state.valid() &&
                   std::all_of(files.ram.begin(), files.ram.end(), [](const Fd& ram) { return ram.valid(); });
  if (all) return files;
  return Error{ErrorKind::kEnvironment, "a template cannot be opened: " + ErrnoText(errno)};
}

bool Template::Intact() const {
  std::call_once(checked_, [this] {
    const auto holds = [](const Fd& file, std::uint64_t hash) {
      const Result<std::uint64_t> found = HashPages(file.get());
      return found.ok() && *found == hash;
    };
    intact_ = holds(files_.state, facts_.state_hash);
    for (std::size_t node = 0; intact_ && node < files_.ram.size(); ++node)
      intact_ = holds(files_.ram[node], facts_.ram_hashes[node]);
  });
  return intact_;
}

Result<TemplateCache> TemplateCache::Open(fs::path directory, std::uint64_t limit_bytes) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (::access(directory.c_str(), W_OK | X_OK) != 0)
    return Error{ErrorKind::kEnvironment,
                 fmt::format("templates cannot be kept in {}: {}", directory.string(),
                             error ? error.message() : ErrnoText(errno))};
  return TemplateCache(std::move(directory), limit_bytes);
}

fs::path TemplateCache::LockPath(const std::string& key) const {
  return directory_ / (key + std::string(kLock));
}

std::shared_ptr<const Template> TemplateCache::Find(const std::string& key) const {
  const fs::path directory = directory_ / key;
  auto found = OpenTemplate(directory, key);
  std::error_code ignored;
  if (found) fs::last_write_time(directory, fs::file_time_type::clock::now(), ignored);  // for Collect()
  return found;
}

Result<std::shared_ptr<const Template>> TemplateCache::Obtain(
    const TemplateSpec& spec, const std::string& key, int cancel_fd,
    const std::function<void(std::string_view)>& on_progress) const {
  if (auto found = Find(key)) return found;
  const FileLock lock = TRY(AcquireBeforeCancel(LockPath(key), cancel_fd, [&] {
    on_progress("waiting for another run that makes the same template");
  }));
  if (auto found = Find(key)) return found;
  on_progress("making a template (once for this kernel and machine)");
  return Build(spec, key, cancel_fd);
}

Result<std::shared_ptr<const Template>> TemplateCache::Build(const TemplateSpec& spec, const std::string& key,
                                                             int cancel_fd) const {
  const fs::path unfinished = directory_ / (key + std::string(kUnfinished));
  Remove(unfinished);  // of a build that was killed
  Discard(key);        // what Find() could not open
  std::error_code error;
  if (!fs::create_directory(unfinished, error))
    return Error{ErrorKind::kEnvironment, fmt::format("a template cannot be written: {}", error.message())};
  Result<TemplateFacts> built = BuildTemplate(spec, unfinished, cancel_fd);
  Result<> kept = built.ok() ? Result<>() : Result<>(built.error());
  if (kept.ok()) {
    built->key = key;
    kept = WriteHostFile(unfinished / kManifest, RenderManifest(*built));
  }
  // Opened before others can see it: from then on it may be removed at any moment, to make room.
  std::shared_ptr<const Template> made;
  if (kept.ok()) {
    made = OpenTemplate(unfinished, key);
    if (made) fs::rename(unfinished, directory_ / key, error);
    if (!made || error)
      kept = Error{ErrorKind::kEnvironment,
                   fmt::format("a template cannot be kept in {}: {}", directory_.string(),
                               made ? error.message() : "it changes while it is written")};
  }
  if (!kept.ok()) {
    Remove(unfinished);
    return kept.error();
  }
  Collect(limit_bytes_);
  return made;
}

void TemplateCache::Discard(const std::string& key) const {
  // Renamed first: another process never sees a directory of this name with files missing.
  const fs::path doomed = directory_ / fmt::format("{}.{}{}", key, ::getpid(), kUnfinished);
  Remove(doomed);  // of a process that had our id and was killed here
  std::error_code error;
  fs::rename(directory_ / key, doomed, error);
  if (!error) Remove(doomed);
}

void TemplateCache::Discard(const Template& bad) const {
  const TemplateFacts& facts = bad.facts();
  const std::optional<TemplateFacts> present = ReadManifest(directory_ / facts.key);
  if (present && present->boot_id == facts.boot_id && present->parked_ns == facts.parked_ns)
    Discard(facts.key);
}

std::vector<StoredTemplate> TemplateCache::List() const {
  std::vector<StoredTemplate> templates;
  std::error_code error;
  for (const fs::directory_entry& entry : DirectoryEntries(directory_)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_directory(error) || name.ends_with(kUnfinished)) continue;
    const std::optional<TemplateFacts> facts = ReadManifest(entry.path());
    templates.push_back({name, facts ? facts->description : "", DiskBytes(entry.path()),
                         fs::last_write_time(entry.path(), error)});
  }
  std::sort(templates.begin(), templates.end(),
            [](const StoredTemplate& a, const StoredTemplate& b) { return a.used > b.used; });
  return templates;
}

std::uint64_t TemplateCache::Collect(std::uint64_t limit_bytes) const {
  std::uint64_t freed = 0;
  for (const fs::directory_entry& entry : DirectoryEntries(directory_)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(kUnfinished)) continue;
    const Result<std::optional<FileLock>> lock =
        FileLock::TryAcquire(LockPath(name.substr(0, name.find('.'))));
    if (!lock.ok() || !lock->has_value()) continue;  // being made
    freed += DiskBytes(entry.path());
    Remove(entry.path());
  }
  std::uint64_t kept = 0;
  for (const StoredTemplate& stored : List()) {
    if (kept + stored.bytes <= limit_bytes) {
      kept += stored.bytes;
      continue;
    }
    Discard(stored.key);
    freed += stored.bytes;
  }
  RemoveStaleLocks(directory_);
  return freed;
}

}  // namespace ktstr::vmm
