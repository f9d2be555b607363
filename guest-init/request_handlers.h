// The handlers of requests that are not in requests.cpp, and what handlers in several files share. A handler
// begins its request and returns the step that carries it to its end.
#pragma once

#include <optional>
#include <utility>

#include "guest-init/requests.h"

namespace ktstr::guest {

/// A step that is done at once.
inline Step Now(Result<> result) {
  return [result = std::move(result)](std::uint64_t, std::uint64_t&) { return std::optional(result); };
}

/// The end of a request that failed by what the scenario runs, which is no fault of the machinery.
inline Result<> Blame(GuestState& guest, std::string cause) {
  guest.of_payload = true;
  return Refuse(std::move(cause));
}

/// Sends all that the kernel has said so far.
void FlushKernel(GuestState& guest);
/// Says in which state the attached scheduler, if there is one, is left to us. Of one that is disabled by
/// then, the kernel has said so before, and that is sent first.
void TellStopping(GuestState& guest);

// ---- of payloads and schedulers (payload_requests.cpp)
Step On(GuestState& guest, const StartPayload& request);
Step On(GuestState& guest, const StopScheduler& request);
Step On(GuestState& guest, const SwitchBuiltIn& request);
Step On(GuestState& guest, const PollPayload& request);
Step On(GuestState& guest, const AwaitPayload& request);
Step On(GuestState& guest, const StopPayload& request);

// ---- that change what lives (change_requests.cpp)
Step On(GuestState& guest, const MoveWorkers& request);
Step On(GuestState& guest, const AdjustWorkers& request);
Step On(GuestState& guest, const SignalTasks& request);
Step On(GuestState& guest, const WriteGuestFile& request);
Step On(GuestState& guest, const PutBackFile& request);
Step On(GuestState& guest, const SetCpuOnline& request);

// ---- that waits for what somebody else does (file_awaiting.cpp)
Step On(GuestState& guest, const AwaitFile& request);

}  // namespace ktstr::guest
