// The disk of one machine: a file without a name, of which nothing is left when the machine is gone.
//
// The guest finds it as a virtio-blk disk with the serial number kDiskSerial. It reads as zeros when the
// machine boots and when it is cloned. What the guest writes goes to the host's page cache; its flushes
// (fsync, fdatasync) become fdatasync(2) of the file, which is as durable as the file system below it: see
// DiskBacking.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"

namespace ktstr::vmm {

/// The largest disk a machine may ask for.
inline constexpr std::uint32_t kMaxDiskMib = 65536;

/// Makes the file: sparse, `mib` long, in `directory` (empty: the system's directory for temporary files).
/// Error (kEnvironment): "a disk of 64 MiB cannot be made in /x: No space left on device".
Result<Fd> MakeDiskFile(std::uint32_t mib, const std::filesystem::path& directory);

/// What a file of the host lies on.
struct DiskBacking {
  std::string file_system;  // "ext4", "tmpfs"; "unknown" when the host does not tell
  std::string device;       // as the mount table has it: "/dev/vda1"; empty where it names no device
  bool durable = false;     // false: in memory, so a flush costs nothing and promises nothing

  /// "ext4 on /dev/vda1" or "tmpfs (in memory)".
  [[nodiscard]] std::string Describe() const;
};

/// Looks `file` up in a mount table with the format of /proc/self/mountinfo. Where that does not have its
/// mount (in a chroot), the kind of file system is all that is known.
DiskBacking BackingOf(int file, const std::filesystem::path& mount_table = "/proc/self/mountinfo");

/// One line of such a table as the backing of the files on that mount. Pure.
DiskBacking ParseMount(const std::string& line);

}  // namespace ktstr::vmm
