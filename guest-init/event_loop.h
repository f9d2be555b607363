// One epoll set with one callback per descriptor. Everything in PID 1 happens on it, on one thread.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <map>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"

namespace ktstr::guest {

/// Not thread-safe. Callbacks run in RunOnce() and may add and remove descriptors, their own too.
class EventLoop {
 public:
  /// Gets what epoll said of the descriptor: EPOLLIN, EPOLLHUP, ...
  using Callback = std::function<void(std::uint32_t epoll_events)>;
  static constexpr std::uint64_t kNever = UINT64_MAX;

  /// Errors (kGuest): what epoll_create1 or timerfd_create say.
  static Result<EventLoop> Create();

  /// Watches `fd` until Remove; the caller keeps it open that long. A descriptor is added at most once.
  Result<> Add(int fd, std::uint32_t epoll_events, Callback callback);
  /// Does nothing when `fd` is not watched. May be called out of callbacks.
  void Remove(int fd);
  [[nodiscard]] bool Watches(int fd) const { return callbacks_.contains(fd); }

  /// Waits for an event or until `deadline_ns` (CLOCK_MONOTONIC; a moment in the past returns at once) and
  /// runs the callbacks. Returns when the waiting was over.
  std::uint64_t RunOnce(std::uint64_t deadline_ns);

 private:
  EventLoop(Fd epoll, Fd timer) : epoll_(std::move(epoll)), timer_(std::move(timer)) {}
  void SetTimer(std::uint64_t deadline_ns);

  Fd epoll_;
  Fd timer_;
  std::uint64_t timer_ns_ = kNever;
  std::map<int, Callback> callbacks_;
};

}  // namespace ktstr::guest
