// A guest made of nothing: it does all that it is asked to within moments of its made-up clock and reports as
// a guest should, but for one lie.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/wire/codec.h"
#include "guest-init/wire/frame.h"
#include "guest-init/wire/messages.h"

namespace ktstr::test {

class FakeGuest;

/// Where a guest may lie. Each is called before the thing it is about is sent and may change it; those that
/// return bool say with `true` that they have sent what there is to send themselves.
struct Lie {
  std::string_view name;
  bool (*boot)(FakeGuest& guest) = nullptr;  // instead of Ready
  void (*ready)(Ready& ready) = nullptr;
  bool (*request)(FakeGuest& guest, const AnyStruct& request, Reply& reply) = nullptr;
  void (*reply)(const AnyStruct& request, Reply& reply) = nullptr;
  bool (*report)(FakeGuest& guest, WorkerDone& done) = nullptr;
  bool (*ended)(FakeGuest& guest, PayloadDone& done) = nullptr;
  void (*output)(PayloadOutput& output) = nullptr;
  bool (*piece)(FakeGuest& guest, FileContent& piece) = nullptr;
  bool (*look)(FakeGuest& guest, SchedulerLook& look) = nullptr;
  bool (*log)(FakeGuest& guest, KernelMessages& messages) = nullptr;  // before the plan and at its end
};

/// All lies; "good" is none. The table is in lies_*.cpp.
std::vector<Lie> AllLies();

/// The guest's side of the channel. One thread.
class FakeGuest {
 public:
  using Bytes = std::vector<std::byte>;

  /// A clone is the guest that was booted, some seconds later.
  FakeGuest(int fd, const Lie& lie, bool clone)
      : fd_(fd), lie_(lie), clock_ns_(clone ? 5'000'000'000 : 1'000'000'000) {}

  /// Before, the port is closed: what the host has sent already waits.
  [[nodiscard]] bool booted() const { return booted_; }
  void Boot();
  /// The channel can be read.
  void Read();

  template <typename T>
  void Send(const T& event) {
    SendEvent(AnyStruct::Of(event));
  }
  void SendEvent(const AnyStruct& event);
  void SendReply(const Reply& reply);
  /// A frame around any payload; its sequence number is the next one.
  void SendFrame(FrameType type, const Bytes& payload);
  void SendBytes(const Bytes& bytes);
  /// The next frame as it would be sent, to be damaged.
  Bytes MakeFrame(FrameType type, const Bytes& payload) { return EncodeFrame(type, sequence_++, payload); }
  void CloseChannel();

  [[nodiscard]] std::uint64_t clock_ns() const { return clock_ns_; }

 private:
  struct Group {
    StartWorkers request;
    std::uint64_t created_ns;
  };
  void Answer(const Frame& frame);
  void Obey(const AnyStruct& request, Reply& reply);
  void Collect();
  void EndPayload(std::uint32_t handle);
  void SendLook(std::uint32_t handle, SchedulerMoment moment);
  void SendFile(const std::string& path);
  void SendLog(bool early);

  int fd_;
  const Lie& lie_;
  bool booted_ = false;
  FrameAssembler in_;
  std::uint32_t sequence_ = 0;
  std::uint64_t clock_ns_;
  std::uint64_t hold_mark_ns_ = 0;
  std::uint64_t log_sequence_ = 0;
  std::uint64_t iterations_ = 0;
  std::uint32_t phase_ = kBetweenPhases;
  std::vector<Group> groups_;
  std::vector<std::uint32_t> payloads_;  // that run
  std::uint32_t payloads_done_ = 0;
};

}  // namespace ktstr::test
