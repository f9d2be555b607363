// An owned file descriptor, for host and guest.
#pragma once

#include <unistd.h>

#include <utility>

namespace ktstr {

/// Owns one file descriptor and closes it at the end; -1 is none. Move-only.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}  // takes over `fd`
  /// `other` is left with none; assigning closes what was owned before.
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  Fd(const Fd&) = delete;
  ~Fd() { Reset(); }

  /// The number, still owned here.
  [[nodiscard]] int get() const { return fd_; }
  /// Whether there is one.
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  /// Closes what it owns and takes `fd`. Keeps errno.
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

}  // namespace ktstr
