// What the guest channel needs of the thing that carries its bytes; Machine is the real one, tests have
// another.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "guest-init/base/result.h"
#include "vmm/host/deadline.h"

namespace ktstr::vmm {

/// A two-way byte stream that moves only while Pump() runs.
class BytePort {
 public:
  /// More waiting for the other side than this means that it has stopped reading.
  static constexpr std::size_t kMaxOutgoing = std::size_t{64} << 20;
  /// With this much unread, nothing more is read until TakeIncoming(): the sender is made to wait.
  static constexpr std::size_t kMaxIncoming = std::size_t{32} << 20;

  virtual ~BytePort() = default;

  /// Accepts all of `bytes` for sending, at once or in later Pump()s.
  /// Error (kGuest): "the guest has not read the last N bytes sent to it".
  virtual Result<> QueueOutgoing(std::span<const std::byte> bytes) = 0;
  /// Bytes accepted but not yet handed over.
  [[nodiscard]] virtual std::size_t outgoing() const = 0;
  /// Everything received and not yet taken, in order. Works also after Pump() has failed.
  virtual std::string TakeIncoming() = 0;
  /// Waits until something has happened (ok), the deadline has passed (kTimeout), the user cancels
  /// (kCancelled), or the other side has come to an end (the cause; again on every further call). In every
  /// case what was ready has been moved, so look for it before believing an error.
  virtual Result<> Pump(Deadline deadline) = 0;
};

}  // namespace ktstr::vmm
