// The file systems and small settings a guest needs before anything can run in it.
#pragma once

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"

namespace ktstr::guest {

/// Mounts everything. An error means that /proc, /sys, /dev or the cgroup tree is missing; the others are
/// optional, as kernels differ.
Result<> MountAll();
/// Standard descriptors, links in /dev, host name, loopback, limits. Nothing here is fatal.
void SetUpSystem();
/// The virtio-serial port called `name`, opened for both directions without blocking. Waits for the driver
/// to announce it, at most `timeout_ms`.
Result<Fd> OpenPort(const char* name, int timeout_ms);

}  // namespace ktstr::guest
