// The host's end of the framed channel to PID 1 in the guest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "guest-init/base/decl.h"
#include "guest-init/wire/frame.h"
#include "vmm/machine/byte_port.h"

namespace ktstr::vmm {

/// Frames over a BytePort. Nothing here blocks except Receive() and Flush(), and those keep reading while
/// they write, so a guest that sends without end cannot deadlock a host that sends much. One thread.
class GuestChannel {
 public:
  /// `port` must outlive the channel, and nobody else may take its incoming bytes.
  explicit GuestChannel(BytePort& port) : port_(&port) {}

  /// Queues one frame; what the guest has room for goes out at once, the rest during later Receive()s and
  /// Flush()es. Errors: kInput for a payload over kMaxFramePayload; those of BytePort::QueueOutgoing.
  Result<> Send(FrameType type, std::span<const std::byte> payload);

  /// Queues one request (messages.h) under the id its Reply will have. Errors: those of Send().
  Result<> SendRequest(std::uint32_t id, const AnyStruct& request);

  /// The next frame from the guest. Errors: those of BytePort::Pump, and kProtocol when the stream is corrupt
  /// (for good). Frames that arrived whole before the machine ended are returned before its end is; those
  /// that came with a kTimeout or kCancelled are returned by the next call.
  Result<Frame> Receive(Deadline deadline);

  /// A frame that is already here; nullopt when there is none. Does not pump.
  Result<std::optional<Frame>> TryReceive();

  /// Waits until everything sent has been handed over. Errors: those of BytePort::Pump.
  Result<> Flush(Deadline deadline);

 private:
  BytePort* port_;
  FrameAssembler assembler_;
  std::uint32_t next_sequence_ = 0;
};

}  // namespace ktstr::vmm
