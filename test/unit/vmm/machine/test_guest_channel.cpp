// The channel over a port that is a script: what the guest would send, and how much it takes.
#include <catch2/catch.hpp>
#include <deque>
#include <variant>

#include "vmm/machine/guest_channel.h"

namespace ktstr::vmm {
namespace {

using Bytes = std::vector<std::byte>;

Bytes Payload(std::size_t size, unsigned seed = 1) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 + seed);
  return bytes;
}

std::string Text(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// Each Pump() performs the next act: bytes that arrive, or an error that stays. `room` is how many bytes
/// the guest takes per Pump().
class ScriptedPort final : public BytePort {
 public:
  std::deque<std::variant<std::string, Error>> acts;
  std::size_t room = SIZE_MAX;
  std::string taken;
  int pumps = 0;

  Result<> QueueOutgoing(std::span<const std::byte> bytes) override {
    waiting_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (waiting_.size() > kMaxOutgoing) return Error{ErrorKind::kGuest, "full"};
    return {};
  }
  [[nodiscard]] std::size_t outgoing() const override { return waiting_.size(); }
  std::string TakeIncoming() override { return std::exchange(arrived_, {}); }
  Result<> Pump(Deadline) override {
    ++pumps;
    const std::size_t take = std::min(room, waiting_.size());
    taken += waiting_.substr(0, take);
    waiting_.erase(0, take);
    if (acts.empty()) return Error{ErrorKind::kTimeout, "the guest did not answer in time"};
    if (const auto* error = std::get_if<Error>(&acts.front())) return *error;
    arrived_ += std::get<std::string>(acts.front());
    acts.pop_front();
    return {};
  }

 private:
  std::string waiting_;
  std::string arrived_;
};

Deadline Any() { return After(std::chrono::seconds(10)); }

std::string FrameText(std::uint32_t sequence, const Bytes& payload) {
  return Text(EncodeFrame(FrameType::kReply, sequence, payload));
}

TEST_CASE("frames arrive whole whatever the pieces") {
  const std::string stream = FrameText(0, Payload(100)) + FrameText(1, {}) + FrameText(2, Payload(3000, 9));
  const std::size_t piece = GENERATE(as<std::size_t>(), 1, 7, 33, 5000);
  ScriptedPort port;
  for (std::size_t at = 0; at < stream.size(); at += piece) port.acts.emplace_back(stream.substr(at, piece));
  GuestChannel channel(port);
  for (const auto& [sequence, payload] :
       {std::pair(0U, Payload(100)), {1U, Bytes()}, {2U, Payload(3000, 9)}}) {
    const auto frame = channel.Receive(Any());
    REQUIRE(frame.ok());
    CHECK(frame->sequence == sequence);
    CHECK(frame->payload == payload);
  }
  CHECK(channel.Receive(Any()).error().message == "the guest did not answer in time");
}

TEST_CASE("frames that came before the machine's end are delivered before it") {
  ScriptedPort port;
  const std::string two = FrameText(0, Payload(5)) + FrameText(1, Payload(6));
  port.acts.emplace_back(two + FrameText(2, Payload(7)).substr(0, 20));
  port.acts.emplace_back(Error{ErrorKind::kGuest, "the guest kernel panicked: x"});
  GuestChannel channel(port);
  CHECK(channel.Receive(Any())->payload == Payload(5));
  CHECK(channel.Receive(Any())->payload == Payload(6));
  const auto end = channel.Receive(Any());
  REQUIRE(!end.ok());
  CHECK(end.error().message == "the guest kernel panicked: x");
  CHECK(end.error().kind == ErrorKind::kGuest);
}

TEST_CASE("bytes that arrive in the pump that fails are not lost") {
  class LastWords final : public BytePort {
   public:
    Result<> QueueOutgoing(std::span<const std::byte>) override { return {}; }
    [[nodiscard]] std::size_t outgoing() const override { return 0; }
    std::string TakeIncoming() override { return std::exchange(arrived_, {}); }
    Result<> Pump(Deadline) override {
      if (!ended_) arrived_ = FrameText(0, Payload(4));
      ended_ = true;
      return Error{ErrorKind::kMachine, "QEMU was killed by SIGKILL"};
    }

   private:
    std::string arrived_;
    bool ended_ = false;
  } port;
  GuestChannel channel(port);
  const auto last = channel.Receive(Any());
  REQUIRE(last.ok());
  CHECK(last->payload == Payload(4));
  CHECK(channel.Receive(Any()).error().message == "QEMU was killed by SIGKILL");
}

TEST_CASE("a guest that never falls silent hides neither the deadline nor the user") {
  class Flood final : public BytePort {
   public:
    explicit Flood(ErrorKind kind) : kind_(kind) {}
    Result<> QueueOutgoing(std::span<const std::byte>) override { return {}; }
    [[nodiscard]] std::size_t outgoing() const override { return 0; }
    std::string TakeIncoming() override { return std::exchange(arrived_, {}); }
    Result<> Pump(Deadline) override {
      arrived_ = FrameText(pumps_++, Payload(4));
      return Error{kind_, "enough"};
    }

   private:
    ErrorKind kind_;
    std::uint32_t pumps_ = 0;
    std::string arrived_;
  };
  for (const ErrorKind kind : {ErrorKind::kTimeout, ErrorKind::kCancelled}) {
    Flood port(kind);
    GuestChannel channel(port);
    const auto first = channel.Receive(Any());
    REQUIRE(!first.ok());
    CHECK(first.error().kind == kind);
    const auto second = channel.Receive(Any());  // what came meanwhile is not lost
    REQUIRE(second.ok());
    CHECK(second->payload == Payload(4));
  }
}

TEST_CASE("a corrupt stream is a protocol error for good") {
  ScriptedPort port;
  std::string frame = FrameText(0, Payload(64));
  frame[40] = static_cast<char>(frame[40] ^ 1);
  port.acts.emplace_back(frame);
  port.acts.emplace_back(FrameText(1, Payload(3)));
  GuestChannel channel(port);
  const auto first = channel.Receive(Any());
  REQUIRE(!first.ok());
  CHECK(first.error().kind == ErrorKind::kProtocol);
  const auto second = channel.Receive(Any());
  REQUIRE(!second.ok());
  CHECK(second.error().message == first.error().message);
}

TEST_CASE("what is sent leaves in order while more is received") {
  ScriptedPort port;
  port.room = 10;
  GuestChannel channel(port);
  REQUIRE(channel.Send(FrameType::kRequest, Payload(100)).ok());
  REQUIRE(channel.Send(FrameType::kRequest, Payload(50, 2)).ok());
  // The guest floods: every pump brings a frame, and takes only ten bytes.
  for (std::uint32_t i = 0; i < 60; ++i) port.acts.emplace_back(FrameText(i, Payload(2000, i)));
  for (std::uint32_t i = 0; i < 60; ++i) REQUIRE(channel.Receive(Any()).ok());
  CHECK(port.outgoing() == 0);
  CHECK(port.taken == Text(EncodeFrame(FrameType::kRequest, 0, Payload(100))) +
                          Text(EncodeFrame(FrameType::kRequest, 1, Payload(50, 2))));
}

TEST_CASE("flush waits for the guest to take everything") {
  ScriptedPort port;
  port.room = 40;
  GuestChannel channel(port);
  REQUIRE(channel.Send(FrameType::kRequest, Payload(100)).ok());
  port.acts.assign(10, std::string());
  CHECK(channel.Flush(Any()).ok());
  CHECK(port.outgoing() == 0);

  port.room = 0;
  REQUIRE(channel.Send(FrameType::kRequest, Payload(100)).ok());
  port.acts.assign(3, std::string());
  CHECK(channel.Flush(Any()).error().message == "the guest did not answer in time");
}

TEST_CASE("a payload over the limit is refused before anything is sent") {
  ScriptedPort port;
  GuestChannel channel(port);
  const auto refused = channel.Send(FrameType::kRequest, Bytes(kMaxFramePayload + 1));
  REQUIRE(!refused.ok());
  CHECK(refused.error().message ==
        "a message of 16777217 bytes to the guest is longer than the limit of 16777216");
  CHECK(port.outgoing() == 0);
  CHECK(channel.Send(FrameType::kRequest, Bytes(kMaxFramePayload)).ok());
}

TEST_CASE("looking for a frame does not wait") {
  ScriptedPort port;
  GuestChannel channel(port);
  const auto nothing = channel.TryReceive();
  REQUIRE(nothing.ok());
  CHECK(!nothing->has_value());
  CHECK(port.pumps == 0);
}

}  // namespace
}  // namespace ktstr::vmm
