#include "interpreter/run/scratch_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "vmm/host/directory_entries.h"
#include "vmm/host/host_file.h"

namespace ktstr {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "ktstr-interp-";

/// The directory, locked; invalid when it is not this user's, somebody holds it, or it is not there any more.
Fd LockOwn(const fs::path& path) {
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat ours {};
  struct stat present {};
  const bool held = directory.valid() && ::fstat(directory.get(), &ours) == 0 && ours.st_uid == ::geteuid() &&
                    ::flock(directory.get(), LOCK_EX | LOCK_NB) == 0 &&
                    ::lstat(path.c_str(), &present) == 0 && present.st_ino == ours.st_ino &&
                    present.st_dev == ours.st_dev;
  return held ? std::move(directory) : Fd();
}

/// What killed programs left in `base`.
void Sweep(const fs::path& base) {
  for (const fs::directory_entry& entry : vmm::DirectoryEntries(base)) {
    if (!entry.path().filename().string().starts_with(kPrefix)) continue;
    std::error_code shown_by_nobody;
    if (const Fd lock = LockOwn(entry.path()); lock.valid()) fs::remove_all(entry.path(), shown_by_nobody);
  }
}

}  // namespace

Result<ScratchDirectory> ScratchDirectory::Make() {
  std::error_code error;
  fs::path base = fs::temp_directory_path(error);
  if (error) base = "/tmp";
  Sweep(base);
  // Another program may take a new directory for an abandoned one, in the moment before it is locked.
  int failure = EBUSY;
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string name = (base / fmt::format("{}XXXXXX", kPrefix)).string();
    if (::mkdtemp(name.data()) == nullptr) {
      failure = errno;
      break;
    }
    errno = EBUSY;
    if (Fd lock = LockOwn(name); lock.valid()) return ScratchDirectory(name, std::move(lock));
    failure = errno;
    fs::remove(name, error);
  }
  return Error{ErrorKind::kEnvironment,
               fmt::format("no directory for temporary files can be made in '{}': {}", base.string(),
                           vmm::ErrnoText(failure))};
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace ktstr
