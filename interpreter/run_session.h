// The conversation with guest-init during one run: requests out, replies and events in, results kept.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "guest-init/wire/messages.h"
#include "interpreter/run.h"
#include "vmm/guest_channel.h"
#include "vmm/machine.h"

namespace ktstr {

/// Tells an EventSink what happens, with the host's and the guest's time.
class EventTeller {
 public:
  explicit EventTeller(EventSink& sink) : sink_(sink), start_(std::chrono::steady_clock::now()) {}

  void Tell(EventKind kind, std::string text, std::string path = "", std::uint32_t epoch = 0,
            std::uint64_t clock_ns = 0);
  [[nodiscard]] double ElapsedMs() const;
  EventSink& sink() { return sink_; }

 private:
  EventSink& sink_;
  std::chrono::steady_clock::time_point start_;
};

/// One thread; all references outlive it. Whatever results arrive are put into `outcome` at once, so that
/// nothing finished is lost when the run ends early.
class RunSession {
 public:
  RunSession(vmm::Machine& machine, const Scenario& scenario, const RunPlan& plan, EventTeller& teller,
             RunOutcome& outcome);

  /// Waits for the guest's first frame and checks that it was built from the same declarations.
  Result<Ready> AwaitReady(vmm::Deadline deadline);
  /// Sends one planned request and waits for its reply. An error is one of the channel or the machine; what
  /// the guest refused is in Reply::error.
  Result<Reply> Call(const PlannedRequest& planned, vmm::Deadline deadline);
  /// After a reply that did not come in time: sends `finish` and keeps whatever results still arrive until
  /// its reply or the deadline. Late replies to earlier requests are passed over.
  Result<> Drain(vmm::Deadline deadline, const PlannedRequest& finish);
  /// The epoch of the phase that has begun and not ended; nullopt between phases.
  [[nodiscard]] const std::optional<std::uint32_t>& open_phase() const { return open_phase_; }

 private:
  /// Sends a request and returns its id.
  Result<std::uint32_t> Send(const PlannedRequest& planned);
  Result<> HandleEvent(std::span<const std::byte> payload);
  void Keep(WorkerDone done);
  void Keep(const PayloadOutput& output);
  void Keep(const PayloadDone& done);
  void NoteReply(const PlannedRequest& planned, const Reply& reply);
  void NoteGroup(const GroupState& group);
  void NotePhase(const MarkPhase& mark, const PhaseMark& at);

  struct Output {
    std::string out;
    std::string err;
  };

  vmm::GuestChannel channel_;
  const Scenario& scenario_;
  const RunPlan& plan_;
  EventTeller& teller_;
  RunOutcome& outcome_;
  std::uint32_t next_request_ = 1;
  std::uint32_t epoch_ = 0;
  std::optional<std::uint32_t> open_phase_;
  std::map<std::uint32_t, Output> outputs_;
  std::optional<Ready> ready_;
  bool cleanup_ = false;  // the request under way was not written by the author
};

}  // namespace ktstr
