#include "vmm/machine/guest_channel.h"

#include <fmt/format.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "guest-init/wire/codec.h"

namespace ktstr::vmm {

Result<> GuestChannel::Send(FrameType type, std::span<const std::byte> payload) {
  if (payload.size() > kMaxFramePayload) {
    return Error{ErrorKind::kInput,
                 fmt::format("a message of {} bytes to the guest is longer than the limit of {}",
                             payload.size(), kMaxFramePayload)};
  }
  const std::vector<std::byte> bytes = EncodeFrame(type, next_sequence_, payload);
  TRY(port_->QueueOutgoing(bytes));
  ++next_sequence_;
  return {};
}

Result<> GuestChannel::SendRequest(std::uint32_t id, const AnyStruct& request) {
  std::vector<std::byte> payload(sizeof id);
  std::memcpy(payload.data(), &id, sizeof id);
  EncodeAny(request, payload);
  return Send(FrameType::kRequest, payload);
}

Result<std::optional<Frame>> GuestChannel::TryReceive() {
  std::optional<Frame> frame = TRY(assembler_.Next());
  if (frame.has_value()) return frame;
  const std::string bytes = port_->TakeIncoming();
  if (bytes.empty()) return frame;
  assembler_.Append(std::as_bytes(std::span(bytes)));
  return assembler_.Next();
}

Result<Frame> GuestChannel::Receive(Deadline deadline) {
  while (true) {
    std::optional<Frame> frame = TRY(TryReceive());
    if (frame.has_value()) return *std::move(frame);
    const Result<> pumped = port_->Pump(deadline);
    if (pumped.ok()) continue;
    // A guest that never falls silent must hide neither the deadline nor the user.
    if (pumped.error().kind == ErrorKind::kTimeout || pumped.error().kind == ErrorKind::kCancelled)
      return pumped.error();
    // The last words may have come in the very call that found the end.
    frame = TRY(TryReceive());
    if (frame.has_value()) return *std::move(frame);
    return pumped.error();
  }
}

Result<> GuestChannel::Flush(Deadline deadline) {
  while (port_->outgoing() > 0) {
    const Result<> pumped = port_->Pump(deadline);
    const bool late = !pumped.ok() && pumped.error().kind == ErrorKind::kTimeout && port_->outgoing() == 0;
    if (!pumped.ok() && !late) return pumped.error();
  }
  return {};
}

}  // namespace ktstr::vmm
