#include "ops/host/accessor_state.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "vmm/host/host_file.h"

namespace ktstr {

Result<std::shared_ptr<AccessorState>> AccessorState::Create() {
  Fd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake.valid())
    return Error{ErrorKind::kEnvironment, "an eventfd cannot be made: " + vmm::ErrnoText(errno)};
  std::unique_ptr<AccessorState> state(new AccessorState(std::move(wake)));
  return std::shared_ptr<AccessorState>(std::move(state));
}

void AccessorState::Publish() {
  sequence_.fetch_add(1, std::memory_order_acq_rel);
  Change(Worker::kSucceeded);
}

void AccessorState::Fail() { Change(Worker::kFailedPermanently); }

void AccessorState::Retry() { Change(Worker::kTrying); }

void AccessorState::Change(Worker worker) {
  worker_.store(worker, std::memory_order_release);
  const std::uint64_t one = 1;
  // The counter can only be full when nobody has waited for 2^64 changes.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

bool AccessorState::SleepUntil(Deadline deadline) const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  if (left.count() <= 0) return false;
  constexpr std::int64_t kLongest = 60'000;  // the caller looks again, so a shorter sleep does no harm
  pollfd wake = {wake_.get(), POLLIN, 0};
  if (::poll(&wake, 1, static_cast<int>(std::min<std::int64_t>(left.count(), kLongest))) > 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
  }
  return true;
}

Result<> AccessorState::WaitNotTrying(Deadline deadline, std::string_view doing) const {
  while (true) {
    const Worker now = worker();
    if (now == Worker::kSucceeded) return {};
    if (now == Worker::kFailedPermanently)
      return Error{ErrorKind::kEnvironment,
                   fmt::format("{}: the guest kernel cannot be made readable in this run", doing)};
    if (!SleepUntil(deadline))
      return Error{ErrorKind::kTimeout,
                   fmt::format("{}: the guest kernel was not readable in time (state 0)", doing)};
  }
}

Result<std::uint64_t> AccessorState::WaitAdvance(std::uint64_t before, Deadline deadline,
                                                 std::string_view doing) const {
  while (true) {
    const Worker now = worker();  // before the number: a publication changes the number first
    if (const std::uint64_t number = sequence(); number > before) return number;
    if (now == Worker::kFailedPermanently)
      return Error{
          ErrorKind::kEnvironment,
          fmt::format("{}: the guest kernel cannot be made readable in this run; a retry will hit the "
                      "same wall",
                      doing)};
    if (!SleepUntil(deadline))
      return Error{ErrorKind::kTimeout,
                   fmt::format("{}: nothing newer than publication {} came in time (state {})", doing, before,
                               static_cast<unsigned>(now))};
  }
}

}  // namespace ktstr
