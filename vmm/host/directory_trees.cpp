#include "vmm/host/directory_trees.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace ktstr::vmm {

namespace fs = std::filesystem;

void DirectoryTrees::Add(const fs::path& directory) {
  std::error_code unresolved;
  fs::path real = fs::weakly_canonical(directory, unresolved);
  if (!unresolved && real.is_absolute()) trees_.push_back(std::move(real));
}

bool DirectoryTrees::Have(const fs::path& path) const {
  constexpr int kMostLinks = 40;
  std::error_code unresolved;
  fs::path real = path.is_absolute() ? fs::weakly_canonical(path, unresolved) : fs::path();
  for (int links = 0; !unresolved && fs::is_symlink(fs::symlink_status(real)); ++links) {
    if (links == kMostLinks) return false;
    const fs::path target = fs::read_symlink(real, unresolved);
    if (!unresolved) real = fs::weakly_canonical(real.parent_path() / target, unresolved);
  }
  return !unresolved && std::any_of(trees_.begin(), trees_.end(), [&](const fs::path& tree) {
    return std::mismatch(tree.begin(), tree.end(), real.begin(), real.end()).first == tree.end();
  });
}

}  // namespace ktstr::vmm
