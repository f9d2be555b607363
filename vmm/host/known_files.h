// What is known from earlier runs about large files of the host, so that a run need not read a kernel again
// to learn what has been learned from it before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "guest-init/base/result.h"

namespace ktstr::vmm {

/// Facts about the contents of files, kept as small files in one directory. A fact is believed as long as the
/// file has the same device, inode, size, time of last change of its content and of its status (both in
/// nanoseconds). It is not kept when the file changed less than two seconds ago: a second change within one
/// tick of the file system's clock would not show in its times.
///
/// An entry that is damaged, of another version, or that somebody else could have written is passed over and
/// replaced. What cannot be kept is worked out again next time. Any thread; entries appear by a rename, so
/// several processes may use one directory.
class KnownFiles {
 public:
  /// More entries than this are not kept; those unchanged for longest go first.
  static constexpr std::size_t kMaxEntries = 64;

  /// Keeps nothing.
  KnownFiles() = default;
  /// Keeps entries in `directory`, which is made (mode 0700) when the first entry is written.
  explicit KnownFiles(std::filesystem::path directory) : directory_(std::move(directory)) {}
  /// Those in the user's cache; keeps nothing when there is no cache directory.
  static KnownFiles InCache();

  /// HashHostFile(). Errors: the same.
  [[nodiscard]] Result<std::uint64_t> Hash(const std::filesystem::path& file) const;

  /// What `derive` makes of the whole content. `name` names the function: it must change whenever the
  /// function gives another answer for the same bytes. Errors: those of ReadHostFile.
  [[nodiscard]] Result<std::string> Fact(
      const std::filesystem::path& file, std::string_view name,
      const std::function<std::string(std::span<const std::byte>)>& derive) const;

 private:
  [[nodiscard]] Result<std::string> FactBy(const std::filesystem::path& file, std::string_view name,
                                           const std::function<Result<std::string>()>& work_out) const;
  void Keep(const std::filesystem::path& entry, std::string_view content) const;

  std::filesystem::path directory_;
};

}  // namespace ktstr::vmm
