#include "guest-init/file_reading.h"

#include <fcntl.h>

#include "guest-init/base/fd.h"
#include "guest-init/system_error.h"

namespace ktstr::guest {
namespace {

/// The kernel makes /proc/kallsyms up at less than a megabyte a second when the guest is slow.
constexpr std::size_t kPiece = std::size_t{128} << 10;
static_assert(kPiece <= kMaxFileContent);

}  // namespace

Result<FileReading> FileReading::Open(const std::string& path) {
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) return SystemError("opening " + path);
  return FileReading(std::move(file), path);
}

Result<FileContent> FileReading::Next() {
  FileContent piece{path_, offset_, std::string(kPiece, '\0'), false};
  std::size_t filled = 0;
  while (filled < kPiece && !piece.last) {
    const ssize_t got = read(file_.get(), &piece.bytes[filled], kPiece - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("reading " + path_);
    piece.last = got == 0;
    filled += static_cast<std::size_t>(got);
  }
  piece.bytes.resize(filled);
  offset_ += filled;
  return piece;
}

}  // namespace ktstr::guest
