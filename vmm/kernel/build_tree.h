// A directory of the cache in which commands of the host (tar, make) build something, and the log of all that
// they say.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/kernel/kernel_make.h"
#include "vmm/kernel/kernel_source.h"
#include "vmm/kernel/kernels.h"

namespace ktstr::vmm {

/// Which part of a kernel's source is wanted.
struct SourceParts {
  /// Paths below its top, of files and of whole directories; none: all of it.
  std::vector<std::string> paths;
  /// "" for a tree that has what is needed, else what it lacks: "it has no Kconfig".
  std::string (*lacks)(const std::filesystem::path& tree);
};

/// Not thread-safe. The caller holds the lock that keeps other processes out of the directory.
class BuildTree {
 public:
  /// Nothing is made yet. `progress` may be empty; it and what `cancel_fd` is of (see LoggedCommand) outlive
  /// this.
  BuildTree(std::filesystem::path directory, int cancel_fd, const KernelProgress& progress);

  /// Makes the directory.
  Result<> Create() const;
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
  [[nodiscard]] const std::filesystem::path& log() const { return log_; }
  void Say(std::string_view line) const;

  /// Runs it in the directory; errors as for RunLogged().
  [[nodiscard]] Result<int> Run(std::vector<std::string> argv, const CommandWatcher& watcher = {}) const;
  /// From here on the log is about the next command.
  void MarkLog();
  /// "WHAT: what the log says went wrong since MarkLog() (log: PATH)".
  [[nodiscard]] Error LogError(std::string_view what) const;

  /// <directory>/source, unpacked from `source` (copied, when that is a directory) unless it is there. It
  /// appears by a rename, so it is complete when it is there. Errors: apt's; kInput "the kernel source 'x'
  /// cannot be unpacked: ...", "'x' holds no kernel tree (it has no Kconfig)".
  Result<std::filesystem::path> Source(const KernelSource& source, const SourceParts& parts);

 private:
  Result<> Unpack(const KernelSource& source, const SourceParts& parts, const std::filesystem::path& into);

  std::filesystem::path directory_;
  std::filesystem::path log_;
  int cancel_fd_;
  const KernelProgress& progress_;
  std::size_t log_start_ = 0;
};

/// Creates `path` and what leads to it; an error says that it cannot be written.
Result<> MakeDirectory(const std::filesystem::path& path);

/// The whole file; errors as for ReadHostFile().
Result<std::string> ReadTextFile(const std::filesystem::path& path);

/// Whether `cancel_fd` (-1: never) is readable.
bool IsCancelled(int cancel_fd);

/// "59 s", "2 min 1 s".
std::string Elapsed(std::chrono::steady_clock::duration time);

}  // namespace ktstr::vmm
