// Which files lie below given directories.
#pragma once

#include <filesystem>
#include <vector>

namespace ktstr::vmm {

/// Directory trees out of which files may be taken, told by canonical paths, so that no `..` and no link
/// leads out of them.
class DirectoryTrees {
 public:
  /// A directory that cannot be resolved adds nothing.
  void Add(const std::filesystem::path& directory);
  /// Whether `path` (absolute; false for others) is below one of them. What does not exist lies where it
  /// would be made, a link that leads nowhere where its target would be: the answer does not tell which it
  /// is.
  [[nodiscard]] bool Have(const std::filesystem::path& path) const;

 private:
  std::vector<std::filesystem::path> trees_;
};

}  // namespace ktstr::vmm
