// The build id in the notes of an ELF file: how host and guest prove that they speak of one kernel.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace ktstr {

/// No build id is longer.
inline constexpr std::size_t kMostBuildIdBytes = 64;

/// The GNU build id as hex out of a note section ("/sys/kernel/notes", `.notes`); empty when there is none.
/// Safe on any bytes.
std::string BuildIdIn(std::span<const std::byte> notes);

}  // namespace ktstr
