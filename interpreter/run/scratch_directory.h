// Where an invocation keeps what is gone when it ends.
#pragma once

#include <filesystem>
#include <utility>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"

namespace ktstr {

/// A private directory (mode 0700) under $TMPDIR, removed with all it holds when this goes. When the program
/// is killed it stays behind, and the next Make() by the same user removes it. Move-only; one thread.
class ScratchDirectory {
 public:
  /// Removes those of this user that nobody holds any more, and makes a new one. Error (kEnvironment): "no
  /// directory for temporary files can be made in '/tmp': No space left on device".
  static Result<ScratchDirectory> Make();
  ScratchDirectory(ScratchDirectory&& other) noexcept
      : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;
  ~ScratchDirectory();
  /// Empty once moved from.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  ScratchDirectory(std::filesystem::path path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  Fd lock_;  // the directory, locked: its owner lives
};

}  // namespace ktstr
