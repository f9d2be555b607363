// SIGINT, SIGTERM and SIGHUP as a descriptor that becomes readable, so that a run ends in order.
#pragma once

#include <signal.h>

#include <array>
#include <string>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"

namespace ktstr {

/// While it lives, the three signals are blocked in this thread (and in threads and, until they change it,
/// processes started by it) and only make fd() readable, for good; SIGPIPE and SIGXFSZ no longer kill, so
/// that writes fail with an error instead. A signal that was ignored at the start (nohup) stays ignored. The
/// destructor puts everything back and drops what came in the meantime. One at a time, on the thread that
/// polls.
class SignalWatch {
 public:
  static Result<SignalWatch> Start();
  SignalWatch(SignalWatch&& other) noexcept;
  SignalWatch& operator=(SignalWatch&&) = delete;
  ~SignalWatch();

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// "SIGINT" once it came; "" until then.
  [[nodiscard]] std::string Caught() const;

 private:
  SignalWatch() = default;

  Fd fd_;
  sigset_t watched_ = {};
  sigset_t mask_before_ = {};
  std::array<struct sigaction, 2> actions_before_ = {};  // of SIGPIPE and SIGXFSZ
  bool active_ = false;
};

}  // namespace ktstr
