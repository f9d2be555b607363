// The guest's end of the frame channel: a virtio-serial port (or, in tests, a socket).
//
// A conversation begins when the host opens its end: sequence numbers start at 0 in both directions and
// nothing of an earlier conversation is sent any more. The port is never read or written blocking.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <span>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"
#include "guest-init/event_loop.h"
#include "guest-init/wire/frame.h"

namespace ktstr::guest {

class Channel {
 public:
  struct Callbacks {
    std::function<void()> connected;
    std::function<void()> disconnected;
    std::function<void(Frame frame)> frame;
    /// The host's bytes make no sense; they are not read any more until the next conversation.
    std::function<void(const Error& error)> fault;
  };

  /// `port` must be in non-blocking mode. `loop` outlives the channel.
  Channel(EventLoop& loop, Fd port, Callbacks callbacks);
  ~Channel();
  Channel(const Channel&) = delete;

  /// Begins to watch the port.
  Result<> Open();
  /// Queues a frame; dropped while no host is there. REQUIRES: payload.size() <= kMaxFramePayload.
  void Send(FrameType type, std::span<const std::byte> payload);
  /// Bytes queued and not yet taken by the port.
  [[nodiscard]] std::size_t queued() const { return queued_; }
  [[nodiscard]] bool connected() const { return connected_; }
  /// Ends this conversation: nothing is sent or counted as heard until the next host's first bytes are there.
  /// REQUIRES: queued() == 0, or what is queued is lost.
  void Park();
  /// While paused no frames are delivered.
  void PauseReading(bool paused);

 private:
  void OnEvent(std::uint32_t events);
  void Disconnect();
  void Read();
  void Write();

  EventLoop& loop_;
  Fd port_;
  Callbacks callbacks_;
  bool connected_ = false;
  bool parked_ = false;  // until the next host's first bytes
  bool paused_ = false;
  bool faulted_ = false;
  FrameAssembler assembler_;
  std::uint32_t sequence_ = 0;  // of the next frame that is sent
  std::deque<std::vector<std::byte>> queue_;
  std::size_t written_ = 0;  // bytes of queue_.front() already taken
  std::size_t queued_ = 0;
};

}  // namespace ktstr::guest
