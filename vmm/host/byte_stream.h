// Byte streams to other processes that do not block: making them, reading and sending.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"

namespace ktstr::vmm {

/// Two connected ends. Both are close-on-exec; `ours` does not block.
struct FdPair {
  Fd ours;
  Fd theirs;
};

/// A bidirectional byte stream. Error: kEnvironment, when the process has no descriptors left.
Result<FdPair> MakeSocketPair();
/// `ours` reads what is written to `theirs`. Error as above.
Result<FdPair> MakeReadPipe();

enum class IoState {
  kMoved,    // at least one byte was read or written
  kBlocked,  // nothing can be read or written at the moment
  kClosed,   // the other side is gone (end of file, reset, broken pipe)
  kFailed,   // this host could not read; errno says why
};

/// Reads once, at most `limit` bytes, and appends them to `to`. REQUIRES: `fd` does not block.
IoState ReadSome(int fd, std::string& to, std::size_t limit = 65536);

/// Sends as much of `from` as fits without blocking, never fails and never raises SIGPIPE; `sent` is the
/// number of bytes taken. Async-signal-safe. `passed_fd` unless -1 goes with the first of them. REQUIRES:
/// `fd` is a socket, for passing a local one.
IoState SendSome(int fd, std::span<const char> from, std::size_t& sent, int passed_fd = -1);

}  // namespace ktstr::vmm
