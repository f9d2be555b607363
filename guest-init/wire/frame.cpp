#include "guest-init/wire/frame.h"

#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ktstr {
namespace {

// Field offsets inside the header.
constexpr std::size_t kMagicAt = 0, kTypeAt = 4, kFlagsAt = 6, kLengthAt = 8, kSequenceAt = 12,
                      kPayloadHashAt = 16, kHeaderHashAt = 24;
static_assert(kHeaderHashAt + sizeof(std::uint64_t) == kFrameHeaderSize);
// Both ends are x86-64, so "little endian" is a plain copy.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

template <typename T>
void Put(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof value);
}
template <typename T>
T Get(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

std::vector<std::byte> EncodeFrame(FrameType type, std::uint32_t sequence,
                                   std::span<const std::byte> payload) {
  std::vector<std::byte> out(kFrameHeaderSize + payload.size());
  Put(&out[kMagicAt], kFrameMagic);
  Put(&out[kTypeAt], static_cast<std::uint16_t>(type));
  Put(&out[kFlagsAt], std::uint16_t{0});
  Put(&out[kLengthAt], static_cast<std::uint32_t>(payload.size()));
  Put(&out[kSequenceAt], sequence);
  Put(&out[kPayloadHashAt], std::uint64_t{XXH3_64bits(payload.data(), payload.size())});
  Put(&out[kHeaderHashAt], std::uint64_t{XXH3_64bits(out.data(), kHeaderHashAt)});
  if (!payload.empty()) std::memcpy(&out[kFrameHeaderSize], payload.data(), payload.size());
  return out;
}

void FrameAssembler::Append(std::span<const std::byte> bytes) {
  if (failed_) return;
  if (start_ > 0 && start_ >= buffer_.size() / 2) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(start_));
    start_ = 0;
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

Result<std::optional<Frame>> FrameAssembler::Fail(std::string message) {
  failed_ = Error{ErrorKind::kProtocol, "corrupt frame at byte " + std::to_string(consumed_) +
                                            " of the channel: " + std::move(message)};
  buffer_.clear();
  start_ = 0;
  return *failed_;
}

Result<std::optional<Frame>> FrameAssembler::Next() {
  if (failed_) return *failed_;
  if (pending() < kFrameHeaderSize) return std::optional<Frame>();
  const std::byte* header = &buffer_[start_];
  if (Get<std::uint32_t>(header + kMagicAt) != kFrameMagic)
    return Fail("it does not begin with the frame magic");
  if (Get<std::uint64_t>(header + kHeaderHashAt) != XXH3_64bits(header, kHeaderHashAt))
    return Fail("the header checksum does not match");
  const auto length = Get<std::uint32_t>(header + kLengthAt);
  if (length > kMaxFramePayload)
    return Fail("it announces " + std::to_string(length) + " bytes, more than the limit of " +
                std::to_string(kMaxFramePayload));
  const auto type = Get<std::uint16_t>(header + kTypeAt);
  if (type < 1 || type > 3) return Fail("unknown frame type " + std::to_string(type));
  const auto flags = Get<std::uint16_t>(header + kFlagsAt);
  if (flags != 0) return Fail("unknown frame flags " + std::to_string(flags));
  const auto sequence = Get<std::uint32_t>(header + kSequenceAt);
  if (sequence != expected_sequence_)
    return Fail("frame " + std::to_string(sequence) + " arrived where frame " +
                std::to_string(expected_sequence_) + " was due");
  if (pending() < kFrameHeaderSize + length) return std::optional<Frame>();
  const std::byte* body = header + kFrameHeaderSize;
  if (Get<std::uint64_t>(header + kPayloadHashAt) != XXH3_64bits(body, length))
    return Fail("the payload checksum does not match");
  Frame frame{static_cast<FrameType>(type), sequence, std::vector<std::byte>(body, body + length)};
  start_ += kFrameHeaderSize + length;
  consumed_ += kFrameHeaderSize + length;
  ++expected_sequence_;
  return std::optional<Frame>(std::move(frame));
}

}  // namespace ktstr
