#include "guest-init/worker_disk.h"

#include <dirent.h>
#include <fcntl.h>

#include <charconv>
#include <memory>

#include "guest-init/base/file_io.h"
#include "guest-init/system_error.h"
#include "guest-init/wire/messages.h"

namespace ktstr::guest {
namespace {

constexpr const char* kBlockDevices = "/sys/block";
constexpr std::uint64_t kSectorsPerMib = 2048;

std::string Attribute(const std::string& device, const std::string& name) {
  return ReadLine(std::string(kBlockDevices) + "/" + device + "/" + name);
}

/// The name of the disk's device; empty when there is none.
std::string FindDevice() {
  const std::unique_ptr<DIR, int (*)(DIR*)> devices(opendir(kBlockDevices), &closedir);
  if (!devices) return {};
  while (const dirent* entry = readdir(devices.get()))
    if (Attribute(entry->d_name, "serial") == kDiskSerial) return entry->d_name;
  return {};
}

}  // namespace

Result<WorkerDisk> WorkerDisk::Open() {
  const std::string device = FindDevice();
  if (device.empty())
    return Error{ErrorKind::kGuest, "this machine has no disk for work: no device of " +
                                        std::string(kBlockDevices) + " has the serial number " + kDiskSerial};
  WorkerDisk disk;
  disk.file = Fd(open(("/dev/" + device).c_str(), O_RDWR | O_CLOEXEC));
  if (!disk.file.valid()) return SystemError("opening the disk /dev/" + device);
  const std::string sectors = Attribute(device, "size");
  std::uint64_t size = 0;
  std::from_chars(sectors.data(), sectors.data() + sectors.size(), size);
  disk.about = "virtio-blk disk " + device + " of " + std::to_string(size / kSectorsPerMib) + " MiB, " +
               Attribute(device, "queue/write_cache");
  return disk;
}

}  // namespace ktstr::guest
