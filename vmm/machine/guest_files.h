// Brings files into a running guest, over the channel.
#pragma once

#include <cstdint>
#include <span>

#include "vmm/image/initramfs.h"
#include "vmm/machine/guest_channel.h"

namespace ktstr::vmm {

struct GuestFilesSent {
  std::uint32_t requests = 0;  // PutFile requests that will be answered
  std::uint64_t bytes = 0;
};

/// Sends each file in pieces, as PutFile requests with the ids `first_id`, `first_id` + 1, ...; waits only
/// for room on the way, not for their replies. Errors: kInput for a file that cannot be read; those of the
/// channel; kTimeout at the deadline.
Result<GuestFilesSent> SendGuestFiles(GuestChannel& channel, std::span<const InitramfsFile> files,
                                      std::uint32_t first_id, Deadline deadline);

}  // namespace ktstr::vmm
