// The conversation with guest-init during one run: requests out, replies and events in, results kept.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "guest-init/wire/frame.h"
#include "guest-init/wire/messages.h"
#include "interpreter/fold/kernel_log_scan.h"
#include "interpreter/fold/payload_metrics_reader.h"
#include "interpreter/fold/scheduler_dump.h"
#include "interpreter/fold/scheduler_scan.h"
#include "interpreter/run/guest_budget.h"
#include "interpreter/run/guest_conduct.h"
#include "vmm/host/deadline.h"

namespace ktstr {

namespace vmm {
class GuestChannel;    // vmm/machine/guest_channel.h
class Machine;         // vmm/machine/machine.h
struct InitramfsFile;  // vmm/image/initramfs.h
}  // namespace vmm
class EventTeller;      // event_teller.h
class Meanwhile;        // meanwhile.h
struct GroupState;      // ops/plan/scenario_state.h
struct PayloadState;    // ops/plan/scenario_state.h
struct PlannedRequest;  // ops/plan/plan_context.h
struct RunOutcome;      // run_outcome.h
struct RunPlan;         // interpreter/plan/plan.h
struct Scenario;        // interpreter/scenario/scenario.h

/// Of a guest's words in a message: no honest guest has more to say.
inline constexpr std::size_t kMostForeignText = 4096;

/// One thread; all references outlive it. Whatever results arrive are put into `outcome` at once, so that
/// nothing finished is lost when the run ends early.
class RunSession {
 public:
  /// `requests_sent` requests have gone down the channel already; AwaitProvided() takes their replies too.
  RunSession(vmm::GuestChannel& channel, std::uint32_t requests_sent, const RunPlan& plan,
             EventTeller& teller, RunOutcome& outcome);

  /// Sends files, waiting for room on the way until the deadline; returns their bytes.
  Result<std::uint64_t> SendFiles(std::span<const vmm::InitramfsFile> files, vmm::Deadline deadline);
  /// Queues the plan, or as much of it as the guest should have ahead; Await() sends the rest. The guest goes
  /// through it by itself, so that what the host does meanwhile does not show in it. What comes behind an Op
  /// of the host is sent once that has been passed.
  Result<> SendPlan();
  /// The host has run its Op that is next in the plan. REQUIRES: all requests before it have been answered.
  void PassHostOp() { ++planned_sent_; }
  /// From now on `meanwhile` gets its turns during waits; it outlives the session.
  void SetMeanwhile(Meanwhile* meanwhile) { meanwhile_ = meanwhile; }
  /// What the host keeps the guest's disk in; it becomes part of the reports of workers that wrote to it.
  void SetDiskBacking(std::string backing) { disk_backing_ = std::move(backing); }

  /// Waits for the guest's first frame and checks that it was built from the same declarations.
  Result<Ready> AwaitReady(vmm::Deadline deadline);
  /// Waits until what was sent before the plan has been taken. Error (kGuest) also when the guest refused it.
  Result<> AwaitProvided(vmm::Deadline deadline);
  /// Waits for the reply to the next request of the plan, which is `planned`. An error is one of the channel
  /// or the machine; what the guest refused is in Reply::error; the requests behind a refused one, up to
  /// Finish, are answered with kNotTried.
  Result<Reply> Await(const PlannedRequest& planned, vmm::Deadline deadline);
  /// The content of a file of the guest. REQUIRES: every request sent so far has been answered.
  Result<std::string> Fetch(const std::string& path, std::chrono::nanoseconds patience);
  /// What the last ReadFile of the plan that was answered brought. It is not kept any longer.
  std::string TakeFile(const std::string& path) { return std::exchange(files_[path], {}); }
  /// After all requests before a PauseMachine have been answered: waits until the guest has paused the
  /// machine.
  Result<> AwaitPaused(vmm::Machine& machine, vmm::Deadline deadline);
  /// After a reply that did not come in time: sends `finish` and keeps whatever results still arrive until
  /// its reply or the deadline. Late replies to earlier requests are passed over.
  Result<> Drain(vmm::Deadline deadline, const PlannedRequest& finish);
  /// The index of the phase that has begun and not ended; nullopt between phases.
  [[nodiscard]] const std::optional<std::uint32_t>& open_phase() const { return open_phase_; }

 private:
  /// Sends a request and returns its id.
  Result<std::uint32_t> Send(const AnyStruct& request);
  /// Waits for the next reply, which must be the one to `id`; keeps the events before it.
  Result<Reply> AwaitReply(std::uint32_t id, vmm::Deadline deadline);
  Result<Frame> NextFrame(vmm::Deadline deadline);
  void Enter(const PlannedRequest& planned);
  Result<> HandleEvent(std::span<const std::byte> payload);
  void Keep(const CgroupFigures& figures);
  void Keep(WorkerDone done);
  void Keep(const PayloadOutput& output);
  void Keep(const PayloadDone& done);
  void Keep(const KernelMessages& messages);
  void Keep(const SchedulerLook& look);
  [[nodiscard]] RunPosition Position() const { return {last_phase_, !open_phase_}; }
  void NoteReply(const PlannedRequest& planned, const Reply& reply);
  void NoteGroup(const GroupState& group, const StartWorkers& request);
  void NoteMove(const MoveWorkers& move, std::uint64_t at_ns);
  void NoteChange(const AdjustWorkers& change);
  void NoteSignal(const SignalTasks& signal);
  void NotePhase(const MarkPhase& mark, const PhaseMark& at);

  /// Of a payload that runs: what its output said so far, and how much of it is kept.
  struct Output {
    std::optional<PayloadMetricsReader> metrics;
    std::array<std::uint64_t, 2> kept{};  // bytes of each stream that were handed on
    std::string stderr_end;
  };
  Output& OutputOf(std::uint32_t handle);
  void WarnOfCut(const PayloadState& payload, const PayloadDone& done);

  vmm::GuestChannel& channel_;
  const RunPlan& plan_;
  EventTeller& teller_;
  RunOutcome& outcome_;
  std::uint32_t next_request_;    // the id of the next request sent
  std::uint32_t next_reply_ = 1;  // the id of the next reply expected
  std::size_t planned_sent_ = 0;  // entries of the plan sent, or passed by the host
  std::uint32_t wire_sent_ = 0;   // of them those that went to the guest
  bool program_sent_ = false;
  Meanwhile* meanwhile_ = nullptr;
  std::uint32_t phase_ = 0;
  std::optional<std::uint32_t> open_phase_;
  std::uint32_t last_phase_ = 0;  // the one that is open, or was last
  KernelLogScan kernel_log_;
  SchedulerScan schedulers_;
  SchedulerDumpReader dump_;
  GuestBudget budget_;
  GuestConduct conduct_;
  OutputMemory output_memory_;  // before the readers, which give back what they took
  std::map<std::uint32_t, Output> outputs_;
  std::map<std::string, std::string> files_;  // what ReadFile brought, by path
  std::optional<Ready> ready_;
  std::string disk_backing_;
  bool refused_ = false;  // a request of the plan was
  bool cleanup_ = false;  // the request under way was not written by the author
};

}  // namespace ktstr
