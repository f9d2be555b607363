// The machine's throw-away disk, for workers that write to storage.
#pragma once

#include <string>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"

namespace ktstr::guest {

struct WorkerDisk {
  Fd file;            // open for reading and writing
  std::string about;  // for reports: "virtio-blk disk vda of 64 MiB, write back"

  /// Finds it by its serial number (kDiskSerial). Error (kGuest): "this machine has no disk for work: no
  /// device of /sys/block has the serial number ktstr-disk".
  static Result<WorkerDisk> Open();
};

}  // namespace ktstr::guest
