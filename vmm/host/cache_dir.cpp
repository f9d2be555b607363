#include "vmm/host/cache_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <vector>

#include "vmm/host/directory_entries.h"
#include "vmm/host/host_file.h"

namespace ktstr::vmm {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Error NotWritable(const std::filesystem::path& path, int error_number) {
  return {ErrorKind::kEnvironment, fmt::format("the cache directory {} cannot be written: {}", path.string(),
                                               ErrnoText(error_number))};
}

/// Why others could put something into `path`, which is there; empty when only this user can. `writers`: the
/// permissions that must not be there.
std::string Distrusted(const std::filesystem::path& path, mode_t writers = S_IWGRP | S_IWOTH) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return ErrnoText(errno);
  if (S_ISLNK(status.st_mode)) return "it is a link";
  if (status.st_uid != ::geteuid()) return fmt::format("it belongs to user {}", status.st_uid);
  if ((status.st_mode & writers) != 0) return "others may write to it";
  return {};
}

/// The directory above `path` in which everybody may rename what is not theirs, and so put another in its
/// place; empty when there is none. Groups are not looked at: a home may well be its owner's own group's.
std::filesystem::path ReplaceableIn(const std::filesystem::path& path) {
  for (std::filesystem::path above = path.parent_path();; above = above.parent_path()) {
    struct stat status {};
    if (::stat(above.c_str(), &status) == 0 && (status.st_mode & S_IWOTH) != 0 &&
        (status.st_mode & S_ISVTX) == 0)
      return above;
    if (!above.has_relative_path()) return {};
  }
}

/// Creates `path` and its missing parents, all 0700, and proves that this user can write to it and nobody
/// else.
Result<std::filesystem::path> MakePrivateDirectory(const std::filesystem::path& path) {
  std::filesystem::path prefix;
  for (const auto& part : path) {
    prefix /= part;
    if (::mkdir(prefix.c_str(), 0700) == 0 || errno == EEXIST) continue;
    const int failure = errno;
    // A read-only parent answers EROFS or EACCES even for a directory that is there.
    struct stat status {};
    if (::stat(prefix.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) continue;
    return NotWritable(path, failure);
  }
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return NotWritable(path, errno);
  if (!S_ISDIR(status.st_mode)) return NotWritable(path, ENOTDIR);
  if (::access(path.c_str(), W_OK | X_OK) != 0) return NotWritable(path, errno);
  // What lies in it is booted and believed.
  std::string why = Distrusted(path);
  const std::filesystem::path above = ReplaceableIn(path);
  if (why.empty() && !above.empty())
    why = fmt::format("others may put another in its place, as everybody may write to {}", above.string());
  if (!why.empty()) {
    return Error{ErrorKind::kEnvironment,
                 fmt::format("the cache directory {} cannot be trusted: {}", path.string(), why)};
  }
  return path;
}

}  // namespace

Result<std::filesystem::path> CacheDirFrom(const std::string& xdg_cache_home, const std::string& home) {
  std::filesystem::path base(xdg_cache_home);
  if (!base.is_absolute()) {
    if (home.empty() || home.front() != '/') {
      return Error{ErrorKind::kEnvironment,
                   "no cache directory: neither $XDG_CACHE_HOME nor $HOME is an absolute path"};
    }
    base = std::filesystem::path(home) / ".cache";
  }
  return MakePrivateDirectory(base / "ktstr-interp");
}

Result<std::filesystem::path> CacheDir() {
  std::string home = Environment("HOME");
  if (home.empty()) {
    passwd entry{};
    passwd* found = nullptr;
    char buffer[4096];
    if (::getpwuid_r(::getuid(), &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr) {
      home = found->pw_dir;
    }
  }
  return CacheDirFrom(Environment("XDG_CACHE_HOME"), home);
}

bool OnlyOursToWrite(const std::filesystem::path& directory) {
  // Not of the group: below a private directory, what a umask of 002 leaves is in nobody's reach.
  if (!Distrusted(directory, S_IWOTH).empty()) return false;
  const std::vector<std::filesystem::directory_entry> entries = DirectoryEntries(directory);
  return std::all_of(entries.begin(), entries.end(),
                     [](const auto& entry) { return Distrusted(entry.path(), S_IWOTH).empty(); });
}

Result<std::filesystem::path> CacheSubdir(std::string_view name) {
  return MakePrivateDirectory(TRY(CacheDir()) / name);
}

namespace {

Result<Fd> OpenLock(const std::filesystem::path& path) {
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (file.valid()) return file;
  return Error{ErrorKind::kEnvironment,
               fmt::format("the lock file {} cannot be opened: {}", path.string(), ErrnoText(errno))};
}

Error CannotLock(const std::filesystem::path& path, int error_number) {
  return {ErrorKind::kEnvironment,
          fmt::format("{} cannot be locked: {}", path.string(), ErrnoText(error_number))};
}

/// Whether it is still the file of that name: its last holder may have removed it between our open and flock.
bool IsAt(const Fd& file, const std::filesystem::path& path) {
  struct stat ours {};
  struct stat present {};
  return ::fstat(file.get(), &ours) == 0 && ::stat(path.c_str(), &present) == 0 &&
         ours.st_dev == present.st_dev && ours.st_ino == present.st_ino;
}

}  // namespace

Result<std::optional<FileLock>> FileLock::TryAcquire(const std::filesystem::path& path) {
  while (true) {
    FileLock lock(TRY(OpenLock(path)));
    if (::flock(lock.fd_.get(), LOCK_EX | LOCK_NB) == 0) {
      if (IsAt(lock.fd_, path)) return std::optional<FileLock>(std::move(lock));
    } else if (errno == EWOULDBLOCK) {
      return std::optional<FileLock>();
    } else if (errno != EINTR) {  // a file system without locks: nobody will ever let go of it
      return CannotLock(path, errno);
    }
  }
}

void FileLock::RemoveFile(const std::filesystem::path& path) const {
  std::error_code ignored;
  if (IsAt(fd_, path)) std::filesystem::remove(path, ignored);
}

Result<FileLock> FileLock::Acquire(const std::filesystem::path& path, const std::function<void()>& on_wait) {
  std::optional<FileLock> free = TRY(TryAcquire(path));
  if (free) return *std::move(free);
  if (on_wait) on_wait();
  FileLock lock(TRY(OpenLock(path)));
  while (::flock(lock.fd_.get(), LOCK_EX) == 0) {
    if (IsAt(lock.fd_, path)) return lock;
    lock = FileLock(TRY(OpenLock(path)));
  }
  if (errno == EINTR) {
    return Error{ErrorKind::kCancelled, fmt::format("interrupted while waiting for {}", path.string())};
  }
  return CannotLock(path, errno);
}

}  // namespace ktstr::vmm
