#include "vmm/host/host_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "guest-init/base/fd.h"
#include "guest-init/base/file_io.h"

namespace ktstr::vmm {
namespace {

Error Unreadable(const std::filesystem::path& path, int error_number) {
  if (error_number == ENOENT) return {ErrorKind::kInput, fmt::format("'{}' does not exist", path.string())};
  return {ErrorKind::kInput, fmt::format("'{}' cannot be read: {}", path.string(), ErrnoText(error_number))};
}

/// The system would take the path up to there, which is another file than was checked or shown.
bool HasNul(const std::filesystem::path& path) { return path.native().find('\0') != std::string::npos; }

std::string Visible(const std::filesystem::path& path) {
  std::string text = path.string();
  std::replace(text.begin(), text.end(), '\0', '?');
  return text;
}

constexpr const char* kNul = "there is a NUL byte in its path";

}  // namespace

std::string ErrnoText(int error_number) { return std::generic_category().message(error_number); }

namespace {

struct OpenedFile {
  Fd file;
  std::uint64_t size = 0;
};

Result<OpenedFile> OpenRegular(const std::filesystem::path& path) {
  if (HasNul(path))
    return Error{ErrorKind::kInput, fmt::format("'{}' cannot be read: {}", Visible(path), kNul)};
  // O_NONBLOCK: a FIFO someone named as a payload must be refused below, not waited for.
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return Unreadable(path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return Unreadable(path, errno);
  if (S_ISDIR(status.st_mode)) {
    return Error{ErrorKind::kInput, fmt::format("'{}' is a directory", path.string())};
  }
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorKind::kInput, fmt::format("'{}' is not a regular file", path.string())};
  }
  return OpenedFile{std::move(file), static_cast<std::uint64_t>(status.st_size)};
}

Result<std::vector<std::byte>> ReadBytes(const OpenedFile& opened, std::uint64_t size,
                                         const std::filesystem::path& path) {
  std::vector<std::byte> content(static_cast<std::size_t>(size));
  std::size_t filled = 0;
  while (filled < content.size()) {
    const ssize_t got = ::read(opened.file.get(), content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unreadable(path, errno);
    if (got == 0) break;  // the file shrank while it was read
    filled += static_cast<std::size_t>(got);
  }
  content.resize(filled);
  return content;
}

}  // namespace

Result<std::vector<std::byte>> ReadHostFile(const std::filesystem::path& path, std::uint64_t limit) {
  const OpenedFile opened = TRY(OpenRegular(path));
  if (opened.size > limit) {
    return Error{ErrorKind::kInput,
                 fmt::format("'{}' is {} bytes long; the limit is {}", path.string(), opened.size, limit)};
  }
  return ReadBytes(opened, opened.size, path);
}

Result<std::vector<std::byte>> ReadHostFileHead(const std::filesystem::path& path, std::uint64_t limit) {
  const OpenedFile opened = TRY(OpenRegular(path));
  return ReadBytes(opened, std::min(opened.size, limit), path);
}

Result<std::uint64_t> HashHostFile(const std::filesystem::path& path) {
  const OpenedFile opened = TRY(OpenRegular(path));
  std::vector<std::byte> piece(std::size_t{256} << 10);  // stays in the processor's cache
  XXH64_state_t state;
  XXH64_reset(&state, 0);
  while (true) {
    const ssize_t got = ::read(opened.file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unreadable(path, errno);
    if (got == 0) return std::uint64_t{XXH64_digest(&state)};
    XXH64_update(&state, piece.data(), static_cast<std::size_t>(got));
  }
}

Result<> WriteHostFile(const std::filesystem::path& path, std::span<const std::byte> content, unsigned mode) {
  if (HasNul(path))
    return Error{ErrorKind::kEnvironment, fmt::format("'{}' cannot be written: {}", Visible(path), kNul)};
  std::string temporary = path.string() + ".XXXXXX";
  const Fd file(::mkostemp(temporary.data(), O_CLOEXEC));
  int failure = file.get() < 0 ? errno : 0;
  if (failure == 0) {
    failure = WriteAll(file.get(), content);
    if (failure == 0 && ::fchmod(file.get(), mode) != 0) failure = errno;
    if (failure == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) failure = errno;
    if (failure != 0) ::unlink(temporary.c_str());
  }
  if (failure == 0) return {};
  return Error{ErrorKind::kEnvironment,
               fmt::format("'{}' cannot be written: {}", path.string(), ErrnoText(failure))};
}

Result<> WriteHostFile(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  return WriteHostFile(path, std::as_bytes(std::span(content.data(), content.size())), mode);
}

}  // namespace ktstr::vmm
