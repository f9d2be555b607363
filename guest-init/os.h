// The small base of the guest side: owned file descriptors and errors of system calls.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "guest-init/base/result.h"

namespace ktstr {

/// Owns one file descriptor and closes it at the end; -1 is none. Move-only.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  Fd(const Fd&) = delete;
  ~Fd() { Reset(); }

  /// The number, still owned here.
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  /// Closes what it owns and takes `fd`.
  void Reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

/// "<doing>: <what `code` means>". `doing` names the object as well: "opening /dev/x".
/// Read errno before anything else can change it, or hand it in.
inline Error SystemError(const std::string& doing, int code = errno) {
  return {ErrorKind::kGuest, doing + ": " + std::strerror(code)};
}

}  // namespace ktstr
