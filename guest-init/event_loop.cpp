#include "guest-init/event_loop.h"

#include <sys/timerfd.h>

#include <array>
#include <span>

#include "guest-init/base/clock.h"
#include "guest-init/base/fd.h"
#include "guest-init/system_error.h"

namespace ktstr::guest {

Result<EventLoop> EventLoop::Create() {
  Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return SystemError("creating the epoll set");
  Fd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer.valid()) return SystemError("creating the timer");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = timer.get();
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, timer.get(), &event) != 0)
    return SystemError("watching the timer");
  return EventLoop(std::move(epoll), std::move(timer));
}

Result<> EventLoop::Add(int fd, std::uint32_t epoll_events, Callback callback) {
  epoll_event event{};
  event.events = epoll_events;
  event.data.fd = fd;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return SystemError("watching a descriptor");
  callbacks_[fd] = std::move(callback);
  return {};
}

void EventLoop::Remove(int fd) {
  if (callbacks_.erase(fd) > 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::SetTimer(std::uint64_t deadline_ns) {
  if (deadline_ns == timer_ns_) return;
  timer_ns_ = deadline_ns;
  itimerspec at{};  // all zero disarms it
  if (deadline_ns != kNever) {
    at.it_value.tv_sec = static_cast<time_t>(deadline_ns / 1'000'000'000);
    at.it_value.tv_nsec = static_cast<long>(deadline_ns % 1'000'000'000);
    if (deadline_ns == 0) at.it_value.tv_nsec = 1;
  }
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &at, nullptr);
}

std::uint64_t EventLoop::RunOnce(std::uint64_t deadline_ns) {
  SetTimer(deadline_ns);
  std::array<epoll_event, 64> events{};
  const int count = epoll_wait(epoll_.get(), events.data(), events.size(), -1);
  const std::uint64_t woken_ns = MonotonicNs();
  for (int i = 0; i < count; ++i) {
    const int fd = events[static_cast<std::size_t>(i)].data.fd;
    if (fd == timer_.get()) {
      std::uint64_t expirations = 0;
      [[maybe_unused]] const ssize_t got = read(fd, &expirations, sizeof expirations);
      timer_ns_ = kNever;
      continue;
    }
    // An earlier callback of this round may have removed it. A copy, because it may remove itself.
    const auto found = callbacks_.find(fd);
    if (found == callbacks_.end()) continue;
    const Callback callback = found->second;
    callback(events[static_cast<std::size_t>(i)].events);
  }
  return woken_ns;
}

}  // namespace ktstr::guest
