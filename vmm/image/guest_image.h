// The guest's PID 1, carried inside the host binary so that the two can never be of different builds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "vmm/image/initramfs.h"

namespace ktstr::vmm {

// Defined in guest_image.S, which takes in the linked static guest-init as it is.
extern "C" const std::byte ktstr_guest_init_begin[];
extern "C" const std::uint64_t ktstr_guest_init_size;

/// The static x86-64 ELF that becomes /init in the guest. Lives as long as the program; any thread.
inline std::span<const std::byte> GuestInitImage() {
  return {ktstr_guest_init_begin, static_cast<std::size_t>(ktstr_guest_init_size)};
}

/// Writes the root file system of a guest to `path`: the image above as /init, and `files`. Errors: those of
/// PackInitramfs.
Result<> PackGuestImage(std::vector<InitramfsFile> files, const std::filesystem::path& path);

}  // namespace ktstr::vmm
