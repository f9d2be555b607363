// Reading and writing through descriptors where a short transfer is no failure, for host and guest.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace ktstr {

/// Writes all of `bytes`, however many calls it takes; blocks where `fd` does. Returns 0, or the errno of the
/// call that failed (EIO when a write took nothing); part of `bytes` may be written then.
[[nodiscard]] int WriteAll(int fd, std::span<const std::byte> bytes);
[[nodiscard]] int WriteAll(int fd, std::string_view bytes);

/// Writes `value` to a file that is there in one call, as the kernel's own files want it, without waiting.
/// Returns 0, or the errno of what failed.
int WriteOnce(const std::string& path, std::string_view value);

/// A whole small file of /proc or /sys; empty when it cannot be read.
std::string ReadSmallFile(const char* path);
/// The same of a file that holds one line, without its end.
std::string ReadLine(const std::string& path);

}  // namespace ktstr
