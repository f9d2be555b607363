// What is in a directory, where another program may add and remove entries meanwhile.
#pragma once

#include <filesystem>
#include <vector>

namespace ktstr::vmm {

/// The entries of `directory` (no "." and ".."), in no order, as far as they can be read: none of one that
/// is not there. Never throws for what the file system does, as a range-for over a directory_iterator would
/// in the middle of a directory.
std::vector<std::filesystem::directory_entry> DirectoryEntries(const std::filesystem::path& directory);

}  // namespace ktstr::vmm
