// The requests that change what lives: workers, payloads, files, CPUs.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "guest-init/base/clock.h"
#include "guest-init/base/file_io.h"
#include "guest-init/base/signal_name.h"
#include "guest-init/request_handlers.h"

namespace ktstr::guest {
namespace {

// Between two looks at workers that are being stopped, and how long that may take.
constexpr std::uint64_t kStopPollNs = 1'000'000;
constexpr std::uint64_t kStopPatienceNs = 500'000'000;

}  // namespace

Step On(GuestState& guest, const MoveWorkers& request) {
  Result<PhaseMark> moved = guest.tasks.Move(request);
  if (!moved.ok()) return Now(moved.error());
  guest.mark = *moved;
  return Now({});
}

Step On(GuestState& guest, const AdjustWorkers& request) { return Now(guest.tasks.Adjust(request)); }

Step On(GuestState& guest, const SignalTasks& request) {
  const Result<> sent = guest.tasks.Signal(request.groups, request.signal);
  if (!sent.ok()) return Now(sent);
  if (!request.payload && request.signal != SIGSTOP) return Now({});
  if (!request.payload)
    // So that whoever looks next sees them stopped. Not for ever: one may be busy in the kernel, or frozen.
    return [&guest, groups = request.groups, deadline = MonotonicNs() + kStopPatienceNs](
               std::uint64_t now_ns, std::uint64_t& wake_ns) -> std::optional<Result<>> {
      if (guest.tasks.AllStopped(groups) || now_ns >= deadline) return Result<>();
      wake_ns = std::min(wake_ns, now_ns + kStopPollNs);
      return std::nullopt;
    };
  const Result<PayloadProcess*> found = guest.tasks.FindPayload(*request.payload);
  if (!found.ok()) return Now(found.error());
  return [&guest, payload = *found, signal = request.signal](std::uint64_t,
                                                             std::uint64_t&) -> std::optional<Result<>> {
    if (payload->Signal(signal)) return Result<>();
    if (!payload->finalised()) return std::nullopt;  // it was not told how it ended yet
    return Blame(guest, "payload '" + payload->request().name + "' could not be sent " + SignalName(signal) +
                            ": it " + payload->HowItEnded());
  };
}

Step On(GuestState& guest, const WriteGuestFile& request) {
  // It may be a file that changes which CPUs there are, or who may use them.
  guest.tasks.BeginCpusetChange();
  Result<> written = guest.files.Write(request);
  guest.tasks.EndCpusetChange();
  // Where an error was expected, the scenario was asking what the kernel would do.
  if (!written.ok() && request.expected_errno != 0) return Now(Blame(guest, written.error().message));
  return Now(std::move(written));
}

Step On(GuestState& guest, const PutBackFile& request) {
  guest.tasks.BeginCpusetChange();
  const Result<std::string> differs = guest.files.PutBack(request.saved);
  guest.tasks.EndCpusetChange();
  if (!differs.ok()) return Now(differs.error());
  if (!differs->empty()) guest.send(AnyStruct::Of(Warning{*differs}));
  return Now({});
}

Step On(GuestState& guest, const SetCpuOnline& request) {
  const std::string path = "/sys/devices/system/cpu/cpu" + std::to_string(request.cpu) + "/online";
  guest.tasks.BeginCpusetChange();
  const int code = WriteOnce(path, request.online ? "1" : "0");
  guest.tasks.EndCpusetChange();
  if (code == 0) return Now({});
  std::string cause = std::strerror(code);
  if (code == ENOENT || code == EACCES) cause += " (this kernel cannot take it offline)";
  if (code == EBUSY) cause += " (it is the last one, or a deadline task has reserved time that needs it)";
  return Now(Refuse("taking CPU " + std::to_string(request.cpu) +
                    (request.online ? " online: " : " offline: ") + cause));
}

}  // namespace ktstr::guest
