// Whole host files as bytes, with errors that name the file and the cause. A path with a NUL byte in it
// is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"

namespace ktstr::vmm {

/// No file this tool reads whole (payloads, libraries, kernels) is larger; a larger one is an error, not an
/// allocation.
inline constexpr std::uint64_t kMaxHostFile = std::uint64_t{1} << 30;

/// The content of a regular file, following symbolic links. Errors (kInput): "'x' does not exist",
/// "'x' is a directory", "'x' cannot be read: Permission denied", larger than `limit` bytes.
Result<std::vector<std::byte>> ReadHostFile(const std::filesystem::path& path,
                                            std::uint64_t limit = kMaxHostFile);

/// At most the first `limit` bytes. Errors as above.
Result<std::vector<std::byte>> ReadHostFileHead(const std::filesystem::path& path, std::uint64_t limit);

/// XXH64 of a file's content, read in pieces. Errors as above.
Result<std::uint64_t> HashHostFile(const std::filesystem::path& path);

/// Writes `content` to `path` through a temporary file beside it, so a reader never sees half a file. `mode`:
/// its permissions. On an error (kEnvironment, e.g. a full disk) nothing is left behind.
Result<> WriteHostFile(const std::filesystem::path& path, std::span<const std::byte> content,
                       unsigned mode = 0644);
Result<> WriteHostFile(const std::filesystem::path& path, std::string_view content, unsigned mode = 0644);

/// "No such file or directory" for an errno value; thread-safe.
std::string ErrnoText(int error_number);

}  // namespace ktstr::vmm
