#include "vmm/machine/throwaway_disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "vmm/host/host_file.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

/// A file that no directory names: nothing has to be removed, however the program ends.
Fd OpenUnnamed(const fs::path& directory) {
  Fd file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.valid()) return file;
  // Not every file system can do that (overlayfs learned it in Linux 6.1).
  std::string name = (directory / "disk.XXXXXX").string();
  file = Fd(::mkostemp(name.data(), O_CLOEXEC));
  if (file.valid()) ::unlink(name.c_str());
  return file;
}

/// The mount that `file` lies on, as the first column of the mount table has it.
std::string MountId(int file) {
  struct statx status {};
  if (::statx(file, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) != 0 || (status.stx_mask & STATX_MNT_ID) == 0)
    return {};
  return std::to_string(status.stx_mnt_id);
}

/// The kind of file system that `file` lies on. In a chroot the mount table does not show what lies outside.
std::string FileSystemOf(int file) {
  struct statfs status {};
  if (::fstatfs(file, &status) != 0) return "unknown";
  switch (static_cast<std::uint32_t>(status.f_type)) {
    case EXT4_SUPER_MAGIC:
      return "ext4";  // or its forerunners, which have the same number
    case XFS_SUPER_MAGIC:
      return "xfs";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlay";
    case NFS_SUPER_MAGIC:
      return "nfs";
    case TMPFS_MAGIC:
      return "tmpfs";
    case RAMFS_MAGIC:
      return "ramfs";
    default:
      return "unknown";
  }
}

bool IsInMemory(const std::string& file_system) {
  return file_system == "tmpfs" || file_system == "ramfs" || file_system == "devtmpfs" ||
         file_system == "rootfs";
}

}  // namespace

Result<Fd> MakeDiskFile(std::uint32_t mib, const fs::path& directory) {
  std::error_code failed;
  fs::path place = directory.empty() ? fs::temp_directory_path(failed) : directory;
  if (place.empty()) place = "/tmp";
  Fd file = OpenUnnamed(place);
  if (file.valid() && ::ftruncate(file.get(), static_cast<off_t>(mib) << 20) == 0) return file;
  return Error{ErrorKind::kEnvironment, fmt::format("a disk of {} MiB cannot be made in {}: {}", mib,
                                                    place.string(), ErrnoText(errno))};
}

std::string DiskBacking::Describe() const {
  if (!durable) return file_system + (file_system == "unknown" ? "" : " (in memory)");
  return device.empty() ? file_system : fmt::format("{} on {}", file_system, device);
}

DiskBacking ParseMount(const std::string& line) {
  // "36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw": any number of fields before the dash.
  const std::size_t dash = line.find(" - ");
  if (dash == std::string::npos) return {"unknown", {}, false};
  std::istringstream rest(line.substr(dash + 3));
  DiskBacking backing;
  rest >> backing.file_system >> backing.device;
  if (!backing.device.starts_with('/')) backing.device.clear();  // "tmpfs", "none"
  backing.durable = !IsInMemory(backing.file_system);
  return backing;
}

DiskBacking BackingOf(int file, const fs::path& mount_table) {
  const std::string id = MountId(file);
  std::ifstream table(mount_table);
  for (std::string line; !id.empty() && std::getline(table, line);)
    if (line.starts_with(id + " ")) return ParseMount(line);
  const std::string kind = FileSystemOf(file);
  return {kind, {}, kind != "unknown" && !IsInMemory(kind)};
}

}  // namespace ktstr::vmm
