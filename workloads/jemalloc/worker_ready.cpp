#include "workloads/jemalloc/worker_ready.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <optional>

#include "guest-init/base/awaited_file.h"
#include "guest-init/base/signal_name.h"
#include "workloads/jemalloc/ready_marker.h"

namespace ktstr::jemalloc {
namespace {

using Clock = std::chrono::steady_clock;

bool IsReadable(int fd) {
  pollfd look{fd, POLLIN, 0};
  return poll(&look, 1, 0) > 0;
}

/// " with code 4 (the marker cannot be written)"; the process stays to be reaped.
std::string HowItEnded(pid_t worker) {
  siginfo_t end = {};
  if (waitid(P_PID, static_cast<id_t>(worker), &end, WEXITED | WNOHANG | WNOWAIT) != 0 || end.si_pid == 0)
    return "";
  if (end.si_code != CLD_EXITED) return " by " + std::string(SignalName(end.si_status));
  const std::string_view meaning = MeaningOf(end.si_status);
  return " with code " + std::to_string(end.si_status) +
         (meaning.empty() ? "" : " (" + std::string(meaning) + ")");
}

WorkerReadiness Died(pid_t worker, bool has_marker) {
  return {ReadyOutcome::kDied,
          "worker " + std::to_string(worker) + " ended" + HowItEnded(worker) +
              (has_marker ? " after it had written its marker" : " before it was ready")};
}

}  // namespace

WorkerReadiness WaitForWorkerReady(pid_t worker, const std::string& marker,
                                   std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  AwaitedFile file(marker);
  const Fd process(static_cast<int>(syscall(SYS_pidfd_open, worker, 0)));
  if (!process.valid()) return Died(worker, file.IsThere());
  for (;;) {
    // The end of the process is asked for behind the look: a marker does not help when nobody is behind it.
    const bool has_marker = file.IsThere();
    if (IsReadable(process.get())) return Died(worker, has_marker || file.IsThere());
    if (has_marker) return {ReadyOutcome::kReady, ""};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0)
      return {ReadyOutcome::kTimedOut, "worker " + std::to_string(worker) + " was not ready within " +
                                           std::to_string(timeout.count()) + "ms: " + marker +
                                           " was not there"};
    const auto look =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::nanoseconds(AwaitedFile::kPollNs));
    std::array<pollfd, 2> events = {{{process.get(), POLLIN, 0}, {file.fd(), POLLIN, 0}}};
    poll(events.data(), events.size(),
         static_cast<int>((file.watched() ? left : std::min(left, look)).count()));
    file.Drain();
  }
}

}  // namespace ktstr::jemalloc
