// Where an invocation keeps what is gone when it ends.
#pragma once

#include <filesystem>
#include <utility>

#include "guest-init/base/result.h"

namespace ktstr {

/// A private directory (mode 0700) under $TMPDIR, removed with all it holds when this goes. It stays behind
/// when the program is killed. Move-only; one thread.
class ScratchDirectory {
 public:
  /// Error (kEnvironment): "no directory for temporary files can be made in '/tmp'".
  static Result<ScratchDirectory> Make();
  ScratchDirectory(ScratchDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;
  ~ScratchDirectory();
  /// Empty once moved from.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit ScratchDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace ktstr
