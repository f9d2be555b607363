// One file on its way to the host, in pieces that the channel can take.
#pragma once

#include <optional>
#include <string>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"
#include "guest-init/wire/messages.h"

namespace ktstr::guest {

/// Reads a file once from its beginning. Files that the kernel makes up (/proc, /sys) have no length before
/// they have been read, so the end is where a read gives nothing.
class FileReading {
 public:
  /// Errors name the path: "opening /x: No such file or directory".
  static Result<FileReading> Open(const std::string& path);

  /// The next piece, at most kMaxFileContent bytes; the last one has `last` set and may be empty. It stops
  /// short of that after some milliseconds of making text, so that whoever else is served does not wait.
  /// Errors: "reading /x: ...".
  Result<FileContent> Next();

 private:
  FileReading(Fd file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  Fd file_;
  std::string path_;
  std::uint64_t offset_ = 0;
};

}  // namespace ktstr::guest
