// Lies about the form of what is said: frames, lengths, types, and when a guest may say what.
#include <unistd.h>

#include <cstring>

#include "test/guest/lies.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ktstr::test {
namespace {

using Bytes = FakeGuest::Bytes;

Bytes Garbage() {
  constexpr std::string_view kText = "this is not a frame, however long one looks at it";
  const auto* begin = reinterpret_cast<const std::byte*>(kText.data());
  return {begin, begin + kText.size()};
}

bool SendGarbage(FakeGuest& guest) {
  guest.SendBytes(Garbage());
  return true;
}

template <typename T>
void Put(Bytes& bytes, std::size_t at, T value) {
  std::memcpy(&bytes.at(at), &value, sizeof value);
}

/// With header fields changed and the header's checksum right again.
void Reseal(Bytes& frame) { Put(frame, 24, std::uint64_t{XXH3_64bits(frame.data(), 24)}); }

bool SendOversized(FakeGuest& guest) {
  Bytes frame = guest.MakeFrame(FrameType::kEvent, {});
  Put(frame, 8, std::uint32_t{1} << 30);
  Reseal(frame);
  guest.SendBytes(frame);
  return true;
}

bool SendFrameOfNoType(FakeGuest& guest) {
  Bytes frame = guest.MakeFrame(FrameType::kEvent, {});
  Put(frame, 4, std::uint16_t{9});
  Reseal(frame);
  guest.SendBytes(frame);
  return true;
}

bool SendDamaged(FakeGuest& guest) {
  Bytes frame = guest.MakeFrame(FrameType::kEvent, Bytes(9));
  frame.back() ^= std::byte{1};
  guest.SendBytes(frame);
  return true;
}

bool SkipFrame(FakeGuest& guest) {
  static_cast<void>(guest.MakeFrame(FrameType::kEvent, {}));
  return false;
}

/// At a Hold something else comes than its reply.
template <void (*Do)(FakeGuest&, const Reply&)>
bool AtHold(FakeGuest& guest, const AnyStruct& request, Reply& reply) {
  if (!request.Is<Hold>()) return false;
  Do(guest, reply);
  return true;
}

void HalfAFrame(FakeGuest& guest, const Reply& reply) {
  Bytes frame = guest.MakeFrame(FrameType::kReply, Encode(reply));
  frame.resize(frame.size() / 2);
  guest.SendBytes(frame);
  _exit(0);
}

Bytes Message(const AnyStruct& message) {
  Bytes bytes;
  EncodeAny(message, bytes);
  return bytes;
}

/// The message of an event with `value` written over its bytes from `back` before its end.
template <typename T>
void SendPatched(FakeGuest& guest, const AnyStruct& message, std::size_t back, T value) {
  Bytes bytes = Message(message);
  Put(bytes, bytes.size() - back, value);
  guest.SendFrame(FrameType::kEvent, bytes);
}

constexpr std::uint32_t kFourBillion = 0xffffffff;

void LongString(FakeGuest& guest, const Reply&) {
  SendPatched(guest, AnyStruct::Of(Warning{"ab"}), 6, kFourBillion);
}
void LongList(FakeGuest& guest, const Reply&) {
  SendPatched(guest, AnyStruct::Of(KernelMessages{}), 4, kFourBillion);
}
/// Of the samples in the only slice of a report; behind it stand the other fields of the slice and of the
/// report, so the place is looked for.
void LongSamples(FakeGuest& guest, const Reply&) {
  WorkerDone done;
  done.report.phase_slices.emplace_back().wake_latencies_ns = {0x1122334455667788};
  Bytes bytes = Message(AnyStruct::Of(done));
  const std::uint64_t sample = 0x1122334455667788;
  for (std::size_t at = 4; at + sizeof sample <= bytes.size(); ++at)
    if (std::memcmp(&bytes[at], &sample, sizeof sample) == 0) Put(bytes, at - 4, kFourBillion);
  guest.SendFrame(FrameType::kEvent, bytes);
}
void NoSuchEnd(FakeGuest& guest, const Reply&) {
  PayloadDone done;
  Bytes bytes = Message(AnyStruct::Of(done));
  Put(bytes, 4 + std::string_view("PayloadDone").size() + 12, std::int64_t{99});
  guest.SendFrame(FrameType::kEvent, bytes);
}
void NoBool(FakeGuest& guest, const Reply&) {
  SendPatched(guest, AnyStruct::Of(FileContent{"/x", 0, "", false}), 1, std::uint8_t{2});
}

void UnknownEvent(FakeGuest& guest, const Reply&) {
  Bytes bytes(4);
  Put(bytes, 0, std::uint32_t{5});
  for (const char c : std::string_view("Hello")) bytes.push_back(static_cast<std::byte>(c));
  guest.SendFrame(FrameType::kEvent, bytes);
}
void RequestAsEvent(FakeGuest& guest, const Reply&) {
  guest.SendFrame(FrameType::kEvent, Message(AnyStruct::Of(Hold{})));
}
void BytesLeftOver(FakeGuest& guest, const Reply& reply) {
  Bytes bytes = Encode(reply);
  bytes.push_back(std::byte{0});
  guest.SendFrame(FrameType::kReply, bytes);
}
void EventAsReply(FakeGuest& guest, const Reply&) {
  guest.SendFrame(FrameType::kReply, Message(AnyStruct::Of(Warning{"x"})));
}
void Asks(FakeGuest& guest, const Reply& reply) { guest.SendFrame(FrameType::kRequest, Encode(reply)); }
void WrongId(FakeGuest& guest, const Reply& reply) {
  Reply other = reply;
  other.request_id += 7;
  guest.SendReply(other);
}
void Twice(FakeGuest& guest, const Reply& reply) {
  Reply held = reply;
  held.clock_ns += 100'000'000;
  guest.SendReply(held);
  guest.SendReply(held);
}
void Dies(FakeGuest&, const Reply&) { _exit(9); }
void EndsEarly(FakeGuest&, const Reply&) { _exit(0); }
void FallsSilent(FakeGuest&, const Reply&) {
  while (true) pause();
}
void ClosesChannel(FakeGuest& guest, const Reply&) { guest.CloseChannel(); }
void LateGarbage(FakeGuest& guest, const Reply&) { SendGarbage(guest); }

bool ReplyFirst(FakeGuest& guest) {
  Reply reply;
  reply.request_id = 1;
  guest.SendReply(reply);
  return true;
}
bool WarnFirst(FakeGuest& guest) {
  guest.Send(Warning{"hello"});
  return true;
}

}  // namespace

std::vector<Lie> LiesOfForm() {
  return {
      {.name = "garbage", .boot = &SendGarbage},
      {.name = "oversized", .boot = &SendOversized},
      {.name = "no-frame-type", .boot = &SendFrameOfNoType},
      {.name = "damaged", .boot = &SendDamaged},
      {.name = "skipped", .boot = &SkipFrame},
      {.name = "reply-before-ready", .boot = &ReplyFirst},
      {.name = "event-before-ready", .boot = &WarnFirst},
      {.name = "bad-event",
       .boot =
           [](FakeGuest& guest) {
             guest.SendFrame(FrameType::kEvent, Bytes(9));
             return true;
           }},
      {.name = "late-garbage", .request = &AtHold<LateGarbage>},
      {.name = "garbage-after-reports",
       .request = [](FakeGuest& guest, const AnyStruct& request,
                     Reply&) { return request.Is<DestroyCgroup>() && SendGarbage(guest); }},
      {.name = "half-a-frame", .request = &AtHold<HalfAFrame>},
      {.name = "closes-channel", .request = &AtHold<ClosesChannel>},
      {.name = "long-string", .request = &AtHold<LongString>},
      {.name = "long-list", .request = &AtHold<LongList>},
      {.name = "long-samples", .request = &AtHold<LongSamples>},
      {.name = "no-such-end", .request = &AtHold<NoSuchEnd>},
      {.name = "no-bool", .request = &AtHold<NoBool>},
      {.name = "unknown-event", .request = &AtHold<UnknownEvent>},
      {.name = "request-as-event", .request = &AtHold<RequestAsEvent>},
      {.name = "event-as-reply", .request = &AtHold<EventAsReply>},
      {.name = "bytes-left-over", .request = &AtHold<BytesLeftOver>},
      {.name = "asks", .request = &AtHold<Asks>},
      {.name = "wrong-id", .request = &AtHold<WrongId>},
      {.name = "answers-twice", .request = &AtHold<Twice>},
      {.name = "dies", .request = &AtHold<Dies>},
      {.name = "ends-early", .request = &AtHold<EndsEarly>},
      {.name = "falls-silent", .request = &AtHold<FallsSilent>},
  };
}

}  // namespace ktstr::test
