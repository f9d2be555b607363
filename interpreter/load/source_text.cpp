#include "interpreter/load/source_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "guest-init/base/fd.h"
#include "guest-init/base/utf8.h"

namespace ktstr {
namespace {

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

Error InputError(const std::filesystem::path& path, std::string_view cause) {
  return {ErrorKind::kInput, path.string() + ": " + std::string(cause)};
}

Error CannotOpen(const std::filesystem::path& path) {
  if (errno == ENOENT) return InputError(path, "no such file");
  return InputError(path, std::string("cannot be opened: ") + std::strerror(errno));
}

/// What is wrong with the kind of file; "" for a regular one.
std::string_view WrongKind(mode_t mode) {
  if (S_ISDIR(mode)) return "is a directory, not a file";
  if (S_ISLNK(mode)) return "is a symbolic link now";
  return S_ISREG(mode) ? "" : "is not a regular file";
}

Result<std::string> ReadAll(const Fd& fd, std::size_t expected, const std::filesystem::path& shown) {
  std::string text;
  text.resize(std::min(expected, kMaxTextBytes) + 1);
  std::size_t filled = 0;
  for (;;) {
    const ssize_t got = read(fd.get(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return InputError(shown, std::string("cannot be read: ") + std::strerror(errno));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
    if (filled > kMaxTextBytes) return InputError(shown, "is larger than 10 MiB");
    if (filled == text.size()) text.resize(std::min(2 * text.size(), kMaxTextBytes + 1));
  }
  text.resize(filled);
  return text;
}

/// `flags`: O_NOFOLLOW or 0. The kind is looked at before the file is opened, because opening a device can do
/// something; and again afterwards, for it may be another file by then.
Result<std::string> ReadText(int directory, const std::filesystem::path& path, int flags,
                             const std::filesystem::path& shown) {
  struct stat status = {};
  if (fstatat(directory, path.c_str(), &status, flags != 0 ? AT_SYMLINK_NOFOLLOW : 0) != 0)
    return CannotOpen(shown);
  if (const std::string_view wrong = WrongKind(status.st_mode); !wrong.empty())
    return InputError(shown, wrong);
  // O_NONBLOCK: opening a FIFO that nobody writes to must not hang.
  const Fd fd(openat(directory, path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags));
  if (!fd.valid()) return CannotOpen(shown);
  if (fstat(fd.get(), &status) != 0) return InputError(shown, std::strerror(errno));
  if (const std::string_view wrong = WrongKind(status.st_mode); !wrong.empty())
    return InputError(shown, wrong);
  return ReadAll(fd, static_cast<std::size_t>(status.st_size), shown);
}

}  // namespace

Result<std::string> ReadTextFile(const std::filesystem::path& path) {
  return ReadText(AT_FDCWD, path, 0, path);
}

Result<std::string> ReadTextFileBelow(const std::filesystem::path& root, const std::filesystem::path& below) {
  const std::filesystem::path shown = root / below;
  Fd directory(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const std::filesystem::path& part : below.parent_path()) {
    if (!directory.valid()) break;
    directory = Fd(::openat(directory.get(), part.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  if (!directory.valid()) return CannotOpen(shown);
  return ReadText(directory.get(), below.filename(), O_NOFOLLOW, shown);
}

SourceText::SourceText(std::string_view text) : text_(text) {
  starts_.push_back(0);
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    starts_.push_back(at + 1);
  }
}

std::string_view SourceText::Line(std::uint32_t line) const {
  if (line == 0 || line > starts_.size()) return "";
  const std::size_t begin = starts_[line - 1];
  std::size_t end = line < starts_.size() ? starts_[line] - 1 : text_.size();
  if (end > begin && text_[end - 1] == '\r') --end;
  return text_.substr(begin, end - begin);
}

std::uint32_t SourceText::LineAt(std::size_t offset) const {
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
  return static_cast<std::uint32_t>(after - starts_.begin());
}

std::size_t SourceText::LineStart(std::uint32_t line) const {
  return line == 0 || line > starts_.size() ? text_.size() : starts_[line - 1];
}

Span SourceText::SpanOf(std::size_t begin, std::size_t end) const {
  begin = std::min(begin, text_.size());
  end = std::clamp(end, begin, text_.size());
  const std::uint32_t line = LineAt(begin);
  const std::size_t start = LineStart(line);
  std::string_view covered = text_.substr(begin, end - begin);
  covered = covered.substr(0, covered.find_first_of("\r\n"));
  const auto column = static_cast<std::uint32_t>(CountCodePoints(text_.substr(start, begin - start))) + 1;
  return {line, column, std::max<std::uint32_t>(1, static_cast<std::uint32_t>(CountCodePoints(covered)))};
}

std::size_t CountCodePoints(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), IsContinuation));
}

std::size_t FindInvalidUtf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint64_t word = 0;
    if (at + sizeof(word) <= text.size()) {
      std::memcpy(&word, text.data() + at, sizeof(word));
      if ((word & 0x8080808080808080ULL) == 0) {
        at += sizeof(word);
        continue;
      }
    }
    const std::size_t length = Utf8Length(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

}  // namespace ktstr
