// Pieces of bytes that come from outside (ELF files, BPF objects), within their bounds: offsets and lengths
// out of the bytes themselves may be anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace ktstr::vmm {

/// `length` bytes from `offset` on, valid as long as `bytes`; nothing when not all of it is in there. No two
/// numbers overflow.
inline std::optional<std::span<const std::byte>> SliceOf(std::span<const std::byte> bytes,
                                                         std::uint64_t offset, std::uint64_t length) {
  if (offset > bytes.size() || length > bytes.size() - offset) return std::nullopt;
  return bytes.subspan(offset, length);
}

/// A copy of the T at `offset`, which need not be aligned; nothing when it is not all there.
/// REQUIRES: any bytes are a T.
template <typename T>
std::optional<T> LoadAt(std::span<const std::byte> bytes, std::uint64_t offset) {
  const auto slice = SliceOf(bytes, offset, sizeof(T));
  if (!slice) return std::nullopt;
  T value;
  std::memcpy(&value, slice->data(), sizeof value);
  return value;
}

}  // namespace ktstr::vmm
