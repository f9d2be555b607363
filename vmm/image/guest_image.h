// The guest's PID 1, carried inside the host binary so that the two can never be of different builds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ktstr::vmm {

// Defined in guest_image.S, which takes in the linked static guest-init as it is.
extern "C" const std::byte ktstr_guest_init_begin[];
extern "C" const std::uint64_t ktstr_guest_init_size;

/// The static x86-64 ELF that becomes /init in the guest. Lives as long as the program; any thread.
inline std::span<const std::byte> GuestInitImage() {
  return {ktstr_guest_init_begin, static_cast<std::size_t>(ktstr_guest_init_size)};
}

}  // namespace ktstr::vmm
