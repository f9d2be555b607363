// The frame format of the guest channel, both directions; byte layout and an example are in WIRE.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "guest-init/base/result.h"

namespace ktstr {

/// "KTSF" read as little-endian bytes; the first four bytes of every frame.
inline constexpr std::uint32_t kFrameMagic = 0x4653544b;
inline constexpr std::size_t kFrameHeaderSize = 32;
/// A longer payload is refused by the writer and, announced in a header, is a protocol error for the reader.
inline constexpr std::size_t kMaxFramePayload = std::size_t{16} << 20;

enum class FrameType : std::uint16_t {
  kRequest = 1,  // host -> guest: u32 request id, then one of RequestTypes()
  kReply = 2,    // guest -> host: a Reply
  kEvent = 3,    // guest -> host: one of EventTypes()
};

struct Frame {
  FrameType type{};
  std::uint32_t sequence = 0;  // counts from 0 in each direction; a gap means lost bytes
  std::vector<std::byte> payload;
};

/// The bytes of one frame. REQUIRES: payload.size() <= kMaxFramePayload.
std::vector<std::byte> EncodeFrame(FrameType type, std::uint32_t sequence,
                                   std::span<const std::byte> payload);

/// Cuts a byte stream back into frames. Never allocates for a length that has not arrived.
class FrameAssembler {
 public:
  void Append(std::span<const std::byte> bytes);
  /// The next whole frame, nullopt when more bytes are needed, or a kProtocol error. After an error the
  /// stream has no trustworthy frame boundary any more: every further call returns the same error.
  Result<std::optional<Frame>> Next();
  /// Bytes held that do not yet form a frame.
  [[nodiscard]] std::size_t pending() const { return buffer_.size() - start_; }

 private:
  Result<std::optional<Frame>> Fail(std::string message);

  std::vector<std::byte> buffer_;
  std::size_t start_ = 0;
  std::uint64_t consumed_ = 0;  // stream offset of start_, for messages
  std::uint32_t expected_sequence_ = 0;
  std::optional<Error> failed_;
};

}  // namespace ktstr
