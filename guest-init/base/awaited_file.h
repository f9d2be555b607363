// A file that somebody else will make: inotify tells of it, and every wake looks.
#pragma once

#include <cstdint>
#include <string>

#include "guest-init/base/fd.h"

namespace ktstr {

/// One thread. A file that was there before counts too. Nothing that happens after the construction is
/// missed.
class AwaitedFile {
 public:
  /// Between two looks where inotify cannot tell of the file, because its directory is not there yet.
  static constexpr std::uint64_t kPollNs = 10'000'000;

  /// `path` is absolute.
  explicit AwaitedFile(std::string path);

  /// Readable when something has been made in the file's directory; -1 when the host gives no inotify.
  [[nodiscard]] int fd() const { return inotify_.get(); }
  /// Whether fd() tells of the file. If not, look every kPollNs.
  [[nodiscard]] bool watched() const { return watched_; }
  /// Takes what fd() has: what exactly happened does not matter.
  void Drain();
  /// Looks, and watches the directory if that has come to be. It is of no interest what the file is.
  bool IsThere();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  void WatchDirectory();

  std::string path_;
  Fd inotify_;
  bool watched_ = false;
};

}  // namespace ktstr
