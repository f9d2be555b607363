// Bytes on their way to the guest's channel.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace ktstr::vmm {

/// What was queued and QEMU's socket has not taken yet. One thread.
class Outbox {
 public:
  /// QEMU puts whatever it reads at once, at most this much, into one buffer of the guest. In portions of
  /// that size it makes the same buffers of the same bytes in every run, however the two processes take
  /// turns.
  static constexpr std::size_t kPortion = 4096;

  /// `held`: nothing is sent before Release(), and then only in portions.
  explicit Outbox(bool held) : held_(held), portioned_(held) {}

  void Append(std::span<const std::byte> bytes);
  void Release() { held_ = false; }
  [[nodiscard]] bool held() const { return held_; }
  [[nodiscard]] bool portioned() const { return portioned_; }
  /// Sends what fits without blocking. That `socket` is closed is noticed by reading it.
  void SendTo(int socket);
  /// Bytes appended and not sent.
  [[nodiscard]] std::size_t size() const { return bytes_.size() - sent_; }

 private:
  std::string bytes_;
  std::size_t sent_ = 0;  // bytes at the front of bytes_ that are gone
  bool held_;
  bool portioned_;
};

/// Bytes sent on a local socket that the other side has not read.
std::size_t UnreadBytes(int socket);

/// Asks for room for `bytes` on the way from `socket`; gets what the system allows.
void WidenSendBuffer(int socket, int bytes);

}  // namespace ktstr::vmm
