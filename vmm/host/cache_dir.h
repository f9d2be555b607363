// Where things that outlive a run are kept: fetched kernels, templates, the proof that an accelerator works.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"

namespace ktstr::vmm {

/// `$XDG_CACHE_HOME/ktstr-interp`, else `~/.cache/ktstr-interp`; created with mode 0700 when missing. Kernels
/// in it are booted and templates believed, so it must be a directory of this user that nobody else may write
/// to, in no directory where everybody may put another in its place. Errors (kEnvironment): "the cache
/// directory X cannot be written: Permission denied"; "the cache directory X cannot be trusted: it is a link"
/// (or "it belongs to user 0", "others may write to it").
Result<std::filesystem::path> CacheDir();

/// As CacheDir, from given values instead of the environment. A relative `xdg_cache_home` is ignored, as the
/// XDG specification demands. Error when both leave nothing to go by.
Result<std::filesystem::path> CacheDirFrom(const std::string& xdg_cache_home, const std::string& home);

/// Whether a directory in the cache and the files in it are this user's, no links, and not everybody's to
/// write: a cache that was copied or unpacked may hold others.
bool OnlyOursToWrite(const std::filesystem::path& directory);

/// A directory below CacheDir(), created with mode 0700 when missing. `name` is a relative path. Errors as
/// above.
Result<std::filesystem::path> CacheSubdir(std::string_view name);

/// An exclusive lock on a file, held while the object lives; the kernel releases it when the process dies.
class FileLock {
 public:
  /// Waits for the lock; `on_wait` is called once if another process (or thread) holds it.
  /// Errors: kEnvironment as for TryAcquire(), kCancelled when a signal interrupts the wait.
  static Result<FileLock> Acquire(const std::filesystem::path& path,
                                  const std::function<void()>& on_wait = {});
  /// nullopt when another process (or thread) holds it. Errors (kEnvironment): the file cannot be opened, or
  /// not locked: "X cannot be locked: No locks available".
  static Result<std::optional<FileLock>> TryAcquire(const std::filesystem::path& path);

  /// Removes the file that is locked; whoever waits for it makes a new one. `path` as it was acquired by.
  void RemoveFile(const std::filesystem::path& path) const;

 private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
};

}  // namespace ktstr::vmm
