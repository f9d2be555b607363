// Any bytes at all, from either end of the channel: frames, messages, reports and quantities. The first byte
// of the input picks which; the rest is what arrives.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "guest-init/base/units.h"
#include "guest-init/wire/codec.h"
#include "guest-init/wire/frame.h"
#include "guest-init/wire/messages.h"

namespace ktstr {
namespace {

using Bytes = std::span<const std::byte>;

void Demand(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

bool Same(Bytes a, Bytes b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

/// The stream in pieces: whatever comes out was in it, and an error lasts.
void ReadStream(Bytes stream, std::size_t piece) {
  FrameAssembler assembler;
  std::size_t consumed = 0;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    assembler.Append(stream.subspan(at, std::min(piece, stream.size() - at)));
    for (;;) {
      auto next = assembler.Next();
      if (!next.ok()) {
        const auto again = assembler.Next();
        Demand(!again.ok() && again.error().message == next.error().message, "an error lasts");
        return;
      }
      if (!next->has_value()) break;
      const Frame& frame = **next;
      const auto encoded = EncodeFrame(frame.type, frame.sequence, frame.payload);
      Demand(consumed + encoded.size() <= stream.size() &&
                 Same(encoded, stream.subspan(consumed, encoded.size())),
             "a frame that is delivered was in the stream");
      consumed += encoded.size();
    }
    Demand(assembler.pending() <= stream.size(), "nothing is kept that did not arrive");
  }
}

/// A frame around the input passes whole, and not with any one bit of it changed.
void DamageFrame(Bytes input) {
  if (input.size() < 2) return;
  std::uint16_t where = 0;
  std::memcpy(&where, input.data(), sizeof where);
  std::vector<std::byte> frame = EncodeFrame(FrameType::kEvent, 0, input);
  ReadStream(frame, 1 + where % 64);
  frame[where % frame.size()] ^= static_cast<std::byte>(1 << (where % 8));
  FrameAssembler assembler;
  assembler.Append(frame);
  const auto next = assembler.Next();
  Demand(!next.ok() || !next->has_value(), "damage is noticed");
}

void ReadMessage(std::span<const StructDecl* const> types, Bytes input) {
  Bytes in = input;
  const Result<AnyStruct> message = DecodeAny(types, in);
  if (!message.ok()) {
    Demand(message.error().kind == ErrorKind::kProtocol, "what cannot be read is a protocol error");

    return;
  }
  std::vector<std::byte> again;
  EncodeAny(*message, again);
  Demand(Same(again, input.first(input.size() - in.size())), "a message has one encoding");
}

template <typename T>
void ReadQuantity(std::string_view text) {
  T value;
  if (!T::Scalar().parse(text, &value).empty()) return;
  const std::string printed = T::Scalar().print(&value);
  T again;
  Demand(T::Scalar().parse(printed, &again).empty() && again == value, "what is printed reads back the same");
}

}  // namespace
}  // namespace ktstr

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ktstr;
  if (size == 0) return 0;
  const Bytes input = std::as_bytes(std::span(data, size)).subspan(1);
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  switch (data[0] % 5) {
    case 0:
      ReadStream(input, 1 + data[0] / 5);
      break;
    case 1:
      DamageFrame(input);
      break;
    case 2:
      ReadMessage(RequestTypes(), input);
      break;
    case 3:
      ReadMessage(EventTypes(), input);
      break;
    default:
      ReadQuantity<Duration>(text);
      ReadQuantity<ByteSize>(text);
      ReadQuantity<Percent>(text);
      ReadQuantity<WorkerCount>(text);
      ReadQuantity<CpuSet>(text);
  }
  return 0;
}
