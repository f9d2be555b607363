#include "guest-init/base/file_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "guest-init/base/fd.h"

namespace ktstr {

int WriteAll(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return EIO;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

int WriteAll(int fd, std::string_view bytes) { return WriteAll(fd, std::as_bytes(std::span(bytes))); }

int WriteOnce(const std::string& path, std::string_view value) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) return errno;
  return write(file.get(), value.data(), value.size()) < 0 ? errno : 0;
}

std::string ReadSmallFile(const char* path) {
  std::string text;
  const Fd file(open(path, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return text;
  std::array<char, 4096> chunk{};
  for (ssize_t got = 0; (got = read(file.get(), chunk.data(), chunk.size())) > 0;)
    text.append(chunk.data(), static_cast<std::size_t>(got));
  return text;
}

std::string ReadLine(const std::string& path) {
  std::string text = ReadSmallFile(path.c_str());
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace ktstr
