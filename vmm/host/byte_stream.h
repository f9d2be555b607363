// An owned file descriptor, and the few system calls on descriptors that the machine layer repeats.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "guest-init/base/result.h"

namespace ktstr::vmm {

/// Closes its descriptor when destroyed. Move-only; -1 means "none".
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~UniqueFd() { Reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// Two connected ends. Both are close-on-exec; `ours` does not block.
struct FdPair {
  UniqueFd ours;
  UniqueFd theirs;
};

/// A bidirectional byte stream. Error: kEnvironment, when the process has no descriptors left.
Result<FdPair> MakeSocketPair();
/// `ours` reads what is written to `theirs`. Error as above.
Result<FdPair> MakeReadPipe();

enum class IoState {
  kMoved,    // at least one byte was read or written
  kBlocked,  // nothing can be read or written at the moment
  kClosed,   // the other side is gone (end of file, reset, broken pipe)
};

/// Reads once, at most `limit` bytes, and appends them to `to`. REQUIRES: `fd` does not block.
IoState ReadSome(int fd, std::string& to, std::size_t limit = 65536);

/// Sends as much of `from` as fits without blocking and never raises SIGPIPE; `sent` is the number of bytes
/// taken. `passed_fd` unless -1 goes with the first of them. REQUIRES: `fd` is a socket, for passing a local
/// one.
IoState SendSome(int fd, std::span<const char> from, std::size_t& sent, int passed_fd = -1);

}  // namespace ktstr::vmm
