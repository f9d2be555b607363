#include "interpreter/run/scratch_directory.h"

#include <fmt/format.h>
#include <stdlib.h>

namespace ktstr {

Result<ScratchDirectory> ScratchDirectory::Make() {
  std::error_code error;
  std::filesystem::path base = std::filesystem::temp_directory_path(error);
  if (error) base = "/tmp";
  std::string name = (base / "ktstr-interp-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    return Error{ErrorKind::kEnvironment,
                 fmt::format("no directory for temporary files can be made in '{}'", base.string())};
  return ScratchDirectory(name);
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace ktstr
