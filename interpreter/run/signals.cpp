#include "interpreter/run/signals.h"

#include <sys/signalfd.h>

#include <cerrno>
#include <utility>

#include "guest-init/base/signal_name.h"
#include "vmm/host/host_file.h"

namespace ktstr {
namespace {

constexpr int kEnding[] = {SIGINT, SIGTERM, SIGHUP};
constexpr std::array<int, 2> kWriteFaults = {SIGPIPE, SIGXFSZ};

bool Ignored(int signal) {
  struct sigaction action = {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

Result<SignalWatch> SignalWatch::Start() {
  SignalWatch watch;
  sigemptyset(&watch.watched_);
  for (const int signal : kEnding)
    if (!Ignored(signal)) sigaddset(&watch.watched_, signal);
  watch.fd_.Reset(::signalfd(-1, &watch.watched_, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!watch.fd_.valid())
    return Error{ErrorKind::kEnvironment, "signals cannot be watched: " + vmm::ErrnoText(errno)};
  ::pthread_sigmask(SIG_BLOCK, &watch.watched_, &watch.mask_before_);
  // A handler rather than SIG_IGN: programs started meanwhile then get the default back.
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < kWriteFaults.size(); ++i)
    ::sigaction(kWriteFaults[i], &action, &watch.actions_before_[i]);
  watch.active_ = true;
  return watch;
}

SignalWatch::SignalWatch(SignalWatch&& other) noexcept
    : fd_(std::move(other.fd_)),
      watched_(other.watched_),
      mask_before_(other.mask_before_),
      actions_before_(other.actions_before_),
      active_(std::exchange(other.active_, false)) {}

SignalWatch::~SignalWatch() {
  if (!active_) return;
  const timespec now = {};
  while (::sigtimedwait(&watched_, nullptr, &now) > 0) {
  }
  for (std::size_t i = 0; i < kWriteFaults.size(); ++i)
    ::sigaction(kWriteFaults[i], &actions_before_[i], nullptr);
  ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

std::string SignalWatch::Caught() const {
  sigset_t pending;
  if (::sigpending(&pending) != 0) return {};
  for (const int signal : kEnding)
    if (sigismember(&watched_, signal) == 1 && sigismember(&pending, signal) == 1) return SignalName(signal);
  return {};
}

}  // namespace ktstr
