// The frame format: bytes worked out by hand (checksums from the xxhsum program), and what becomes of damage.
#include <catch2/catch.hpp>
#include <cstring>
#include <random>

#include "guest-init/wire/frame.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ktstr {
namespace {

using Bytes = std::vector<std::byte>;

Bytes FromHex(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

Bytes Text(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return {bytes.begin(), bytes.end()};
}

void Append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

/// A header with any fields at all and the right checksum, to reach the checks behind the checksum.
struct ForgedHeader {
  std::uint16_t type = 1;
  std::uint16_t flags = 0;
  std::uint32_t length = 0;
  std::uint32_t sequence = 0;

  [[nodiscard]] Bytes Make() const {
    Bytes out(kFrameHeaderSize);
    const std::uint64_t payload_hash = XXH3_64bits(nullptr, 0);
    std::memcpy(&out[0], &kFrameMagic, 4);
    std::memcpy(&out[4], &type, 2);
    std::memcpy(&out[6], &flags, 2);
    std::memcpy(&out[8], &length, 4);
    std::memcpy(&out[12], &sequence, 4);
    std::memcpy(&out[16], &payload_hash, 8);
    const std::uint64_t header_hash = XXH3_64bits(out.data(), 24);
    std::memcpy(&out[24], &header_hash, 8);
    return out;
  }
};

std::string ErrorOf(const Bytes& stream) {
  FrameAssembler assembler;
  assembler.Append(stream);
  for (;;) {
    const auto next = assembler.Next();
    if (!next.ok()) {
      CHECK(next.error().kind == ErrorKind::kProtocol);
      return next.error().message;
    }
    if (!next->has_value()) return "no error";
  }
}

TEST_CASE("a frame's bytes are those of WIRE.md") {
  // Request 7, a Ping: u32 7, u32 4, "Ping".
  const Bytes payload = FromHex("070000000400000050696e67");
  const Bytes expected = FromHex(
      "4b545346"  // "KTSF"
      "0100"
      "0000"              // a request, no flags
      "0c000000"          // 12 bytes
      "00000000"          // the first frame
      "f16fca21c28a4721"  // XXH3 of the payload
      "9f1f41530d3b40cd"  // XXH3 of the 24 bytes above
      "070000000400000050696e67");
  CHECK(EncodeFrame(FrameType::kRequest, 0, payload) == expected);

  FrameAssembler assembler;
  assembler.Append(expected);
  const auto next = assembler.Next();
  REQUIRE(next.ok());
  REQUIRE(next->has_value());
  CHECK((*next)->type == FrameType::kRequest);
  CHECK((*next)->sequence == 0);
  CHECK((*next)->payload == payload);
  CHECK(assembler.pending() == 0);
}

TEST_CASE("frames come back whole however the stream is cut") {
  std::mt19937_64 random(20240611);
  Bytes stream;
  std::vector<Bytes> payloads;
  for (std::uint32_t i = 0; i < 300; ++i) {
    Bytes payload(i % 7 == 0 ? 0 : random() % (i % 50 == 1 ? 70'000 : 300));
    for (std::byte& b : payload) b = static_cast<std::byte>(random());
    Append(stream, EncodeFrame(static_cast<FrameType>(1 + i % 3), i, payload));
    payloads.push_back(std::move(payload));
  }
  for (const std::size_t most : {std::size_t{1}, std::size_t{31}, std::size_t{5000}, stream.size()}) {
    FrameAssembler assembler;
    std::size_t seen = 0;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t piece = std::min<std::size_t>(1 + random() % most, stream.size() - at);
      assembler.Append(std::span(stream).subspan(at, piece));
      at += piece;
      for (;;) {
        auto next = assembler.Next();
        REQUIRE(next.ok());
        if (!next->has_value()) break;
        REQUIRE(seen < payloads.size());
        REQUIRE((*next)->sequence == seen);
        REQUIRE((*next)->payload == payloads[seen]);
        ++seen;
      }
    }
    CHECK(seen == payloads.size());
    CHECK(assembler.pending() == 0);
  }
}

TEST_CASE("one changed bit anywhere is noticed and nothing after it is believed") {
  const Bytes first = EncodeFrame(FrameType::kReply, 0, Text("first"));
  Bytes stream = first;
  Append(stream, EncodeFrame(FrameType::kEvent, 1, Text("the second frame")));
  Append(stream, EncodeFrame(FrameType::kEvent, 2, Text("third")));
  for (std::size_t at = 0; at < stream.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      Bytes damaged = stream;
      damaged[at] ^= static_cast<std::byte>(1 << bit);
      FrameAssembler assembler;
      assembler.Append(damaged);
      std::size_t whole = 0;
      auto next = assembler.Next();
      while (next.ok() && next->has_value()) {
        // Whatever is delivered was sent like this.
        REQUIRE((*next)->payload == Text(whole == 0 ? "first" : "the second frame"));
        ++whole;
        next = assembler.Next();
      }
      REQUIRE_FALSE(next.ok());
      REQUIRE(whole == (at < first.size() ? 0U : at < first.size() + 48 ? 1U : 2U));
      // More bytes do not heal it.
      const std::string message = next.error().message;
      assembler.Append(first);
      const auto again = assembler.Next();
      REQUIRE_FALSE(again.ok());
      REQUIRE(again.error().message == message);
    }
}

TEST_CASE("a frame cut short anywhere is waited for") {
  const Bytes frame = EncodeFrame(FrameType::kEvent, 0, Text("hello"));
  for (std::size_t size = 0; size < frame.size(); ++size) {
    FrameAssembler assembler;
    assembler.Append(std::span(frame).first(size));
    const auto next = assembler.Next();
    REQUIRE(next.ok());
    CHECK_FALSE(next->has_value());
    CHECK(assembler.pending() == size);
  }
}

TEST_CASE("each protocol error says what is wrong and where") {
  CHECK(ErrorOf(Bytes(kFrameHeaderSize)) ==
        "corrupt frame at byte 0 of the channel: it does not begin with the frame magic");
  Bytes damaged = EncodeFrame(FrameType::kEvent, 0, Text("a"));
  damaged.back() = std::byte{'b'};
  CHECK(ErrorOf(damaged) == "corrupt frame at byte 0 of the channel: the payload checksum does not match");
  damaged = EncodeFrame(FrameType::kEvent, 0, Text("a"));
  damaged[12] = std::byte{1};
  CHECK(ErrorOf(damaged) == "corrupt frame at byte 0 of the channel: the header checksum does not match");
  CHECK(
      ErrorOf(ForgedHeader{.length = kMaxFramePayload + 1}.Make()) ==
      "corrupt frame at byte 0 of the channel: it announces 16777217 bytes, more than the limit of 16777216");
  CHECK(ErrorOf(ForgedHeader{.type = 4}.Make()) ==
        "corrupt frame at byte 0 of the channel: unknown frame type 4");
  CHECK(ErrorOf(ForgedHeader{.type = 0}.Make()) ==
        "corrupt frame at byte 0 of the channel: unknown frame type 0");
  CHECK(ErrorOf(ForgedHeader{.flags = 1}.Make()) ==
        "corrupt frame at byte 0 of the channel: unknown frame flags 1");

  Bytes gap = EncodeFrame(FrameType::kEvent, 0, Text("12345678"));
  Append(gap, EncodeFrame(FrameType::kEvent, 2, {}));
  CHECK(ErrorOf(gap) == "corrupt frame at byte 40 of the channel: frame 2 arrived where frame 1 was due");
}

TEST_CASE("an announced length is not believed before its bytes arrive") {
  FrameAssembler assembler;
  assembler.Append(ForgedHeader{.length = kMaxFramePayload}.Make());
  const auto next = assembler.Next();
  REQUIRE(next.ok());
  CHECK_FALSE(next->has_value());
  CHECK(assembler.pending() == kFrameHeaderSize);
}

TEST_CASE("the largest payload passes") {
  const Bytes payload(kMaxFramePayload, std::byte{7});
  FrameAssembler assembler;
  assembler.Append(EncodeFrame(FrameType::kEvent, 0, payload));
  const auto next = assembler.Next();
  REQUIRE(next.ok());
  REQUIRE(next->has_value());
  CHECK((*next)->payload == payload);
}

}  // namespace
}  // namespace ktstr
