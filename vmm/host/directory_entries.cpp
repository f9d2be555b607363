#include "vmm/host/directory_entries.h"

#include <system_error>

namespace ktstr::vmm {

namespace fs = std::filesystem;

std::vector<fs::directory_entry> DirectoryEntries(const fs::path& directory) {
  std::vector<fs::directory_entry> entries;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    entries.push_back(*at);
  return entries;
}

}  // namespace ktstr::vmm
