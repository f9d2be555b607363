// The build configuration that CONFIG_IKCONFIG puts into a kernel.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace ktstr::vmm {

/// The .config inside a bzImage, when it has one and is packed with gzip or LZ4 (or not at all). Pure, and
/// safe on any bytes; at most 1 GiB is unpacked.
std::optional<std::string> EmbeddedConfig(std::span<const std::byte> image);

}  // namespace ktstr::vmm
