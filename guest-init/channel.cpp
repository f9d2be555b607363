#include "guest-init/channel.h"

#include <poll.h>

#include <array>

#include "guest-init/base/fd.h"

namespace ktstr::guest {

Channel::Channel(EventLoop& loop, Fd port, Callbacks callbacks)
    : loop_(loop), port_(std::move(port)), callbacks_(std::move(callbacks)) {}

Channel::~Channel() { loop_.Remove(port_.get()); }

Result<> Channel::Open() {
  // Edge-triggered: the port is woken when the host opens or closes its end, when bytes arrive and when
  // room is made. Level-triggered, a port without a host would report EPOLLHUP for ever.
  return loop_.Add(port_.get(), EPOLLIN | EPOLLOUT | EPOLLET,
                   [this](std::uint32_t events) { OnEvent(events); });
}

void Channel::OnEvent(std::uint32_t events) {
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    Read();  // what a host said before it left
    Disconnect();
    return;
  }
  if (!connected_) {
    // The last host's end is still open, and room for writing is not a sign of a new one.
    pollfd port{port_.get(), POLLIN, 0};
    if (parked_ && (poll(&port, 1, 0) <= 0 || (port.revents & POLLIN) == 0)) return;
    parked_ = false;
    connected_ = true;
    faulted_ = false;
    sequence_ = 0;
    assembler_ = {};
    callbacks_.connected();
  }
  Read();
  Write();
}

void Channel::Disconnect() {
  if (!connected_) return;
  connected_ = false;
  queue_.clear();
  written_ = queued_ = 0;
  callbacks_.disconnected();
}

void Channel::Park() {
  connected_ = false;
  parked_ = true;
}

void Channel::Read() {
  std::array<std::byte, 65536> chunk;
  while (connected_ && !paused_ && !faulted_) {
    Result<std::optional<Frame>> next = assembler_.Next();
    if (!next.ok()) {
      faulted_ = true;
      callbacks_.fault(next.error());
      return;
    }
    if (next->has_value()) {
      callbacks_.frame(std::move(**next));
      continue;
    }
    const ssize_t got = read(port_.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;  // nothing there, or the host is gone and EPOLLHUP follows
    assembler_.Append(std::span(chunk).first(static_cast<std::size_t>(got)));
  }
}

void Channel::Write() {
  while (connected_ && !queue_.empty()) {
    const std::vector<std::byte>& front = queue_.front();
    const ssize_t taken = write(port_.get(), front.data() + written_, front.size() - written_);
    if (taken < 0 && errno == EINTR) continue;
    if (taken <= 0) return;  // full: EPOLLOUT follows
    written_ += static_cast<std::size_t>(taken);
    queued_ -= static_cast<std::size_t>(taken);
    if (written_ < front.size()) continue;
    queue_.pop_front();
    written_ = 0;
  }
}

void Channel::Send(FrameType type, std::span<const std::byte> payload) {
  if (!connected_) return;
  queue_.push_back(EncodeFrame(type, sequence_++, payload));
  queued_ += queue_.back().size();
  Write();
}

void Channel::PauseReading(bool paused) {
  if (std::exchange(paused_, paused) && !paused) Read();
}

}  // namespace ktstr::guest
