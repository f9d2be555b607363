#include "interpreter/run/run_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "guest-init/base/one_line.h"
#include "guest-init/base/printable.h"
#include "guest-init/wire/codec.h"
#include "interpreter/fold/payload_metrics.h"
#include "interpreter/plan/plan.h"
#include "interpreter/run/event_teller.h"
#include "interpreter/run/meanwhile.h"
#include "interpreter/run/run_outcome.h"
#include "vmm/image/initramfs.h"
#include "vmm/machine/claims.h"
#include "vmm/machine/guest_channel.h"
#include "vmm/machine/guest_files.h"
#include "vmm/machine/machine.h"
#include "workloads/work_type.h"

namespace ktstr {
namespace {

/// "FIFO 50", "nice 5", "normal".
std::string PolicyText(SchedPolicy policy, std::uint32_t rt_priority, std::optional<std::int32_t> nice) {
  if (policy == SchedPolicy::kFifo || policy == SchedPolicy::kRr)
    return (policy == SchedPolicy::kFifo ? "FIFO " : "RR ") + std::to_string(rt_priority);
  if (policy == SchedPolicy::kNormal && nice) return "nice " + std::to_string(*nice);
  return std::string(kSchedPolicies[static_cast<std::size_t>(policy)].name);
}

/// Of a group, as it was started; where its members differ "FIFO 50 or normal".
std::string GroupPolicyText(const StartWorkers& request) {
  const WorkTypeDecl& type = *FindWorkType(request.work_type);
  AnyStruct params(type.params());
  std::span<const std::byte> encoded = std::as_bytes(std::span(request.work_params));
  std::vector<std::string> texts;
  if (!DecodeStruct(type.params(), encoded, params.data()).ok()) return {};
  for (std::uint32_t position = 0; position < GroupSize(type, params.data()); ++position) {
    const WorkerRole role = RoleOf(type, params.data(), position);
    std::string text = PolicyText(role.policy.value_or(request.policy),
                                  role.policy ? role.rt_priority : request.rt_priority, request.nice);
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(std::move(text));
  }
  return fmt::format("{}", fmt::join(texts, " or "));
}

std::string HowItReported(const WorkerReport& report) {
  if (report.completed) return std::to_string(report.iterations) + " iterations";
  return "no report: " + (report.exit_info ? report.exit_info->text : std::string("unknown end"));
}

std::uint64_t WorkersOf(const RunPlan& plan) {
  std::uint64_t workers = 0;
  for (const GroupState& group : plan.groups) workers += group.count;
  return workers;
}

}  // namespace

RunSession::RunSession(vmm::GuestChannel& channel, std::uint32_t requests_sent, const RunPlan& plan,
                       EventTeller& teller, RunOutcome& outcome)
    : channel_(channel),
      plan_(plan),
      teller_(teller),
      outcome_(outcome),
      next_request_(requests_sent + 1),
      kernel_log_(plan.scenario.defaults.allowed_complaints, ConsolePatterns(plan.checks)),
      schedulers_(outcome.record.schedulers),
      budget_(WorkersOf(plan), plan.payloads.size()),
      conduct_(plan) {}

Result<std::uint64_t> RunSession::SendFiles(std::span<const vmm::InitramfsFile> files,
                                            vmm::Deadline deadline) {
  const vmm::GuestFilesSent sent = TRY(vmm::SendGuestFiles(channel_, files, next_request_, deadline));
  next_request_ += sent.requests;
  return sent.bytes;
}

Result<> RunSession::SendPlan() {
  if (!program_sent_) {
    TRY(Send(AnyStruct::Of(Program{})));
    program_sent_ = true;
  }
  // Half of what the guest keeps ahead.
  constexpr std::uint32_t kAhead = 2048;
  while (planned_sent_ < plan_.requests.size() && plan_.requests[planned_sent_].guest() != nullptr &&
         next_request_ - next_reply_ < kAhead) {
    TRY(Send(plan_.requests[planned_sent_].guest()->message));
    ++planned_sent_;
    ++wire_sent_;
  }
  return {};
}

Result<Ready> RunSession::AwaitReady(vmm::Deadline deadline) {
  while (!ready_) {
    const Frame frame = TRY(channel_.Receive(deadline));
    if (frame.type != FrameType::kEvent)
      return Error{ErrorKind::kProtocol, "the guest's first frame is not an event"};
    TRY(HandleEvent(frame.payload));
  }
  if (ready_->decl_hash != WireHash(WorkTypes::Alternatives()))
    return Error{ErrorKind::kProtocol, "the guest image was built from other declarations than this program"};
  return *ready_;
}

Result<std::uint32_t> RunSession::Send(const AnyStruct& request) {
  const std::uint32_t id = next_request_++;
  TRY(channel_.SendRequest(id, request));
  return id;
}

Result<Frame> RunSession::NextFrame(vmm::Deadline deadline) {
  while (true) {
    const std::optional<vmm::Deadline> due = meanwhile_ != nullptr ? meanwhile_->NextDue() : std::nullopt;
    if (!due || *due >= deadline) return channel_.Receive(deadline);
    Result<Frame> frame = channel_.Receive(*due);
    if (frame.ok() || frame.error().kind != ErrorKind::kTimeout) return frame;
    meanwhile_->Tick();
  }
}

Result<Reply> RunSession::AwaitReply(std::uint32_t id, vmm::Deadline deadline) {
  while (true) {
    const Frame frame = TRY(NextFrame(deadline));
    if (frame.type == FrameType::kEvent) {
      TRY(HandleEvent(frame.payload));
      continue;
    }
    if (frame.type != FrameType::kReply) return Error{ErrorKind::kProtocol, "the guest sent a request"};
    Result<Reply> decoded = Decode<Reply>(frame.payload);
    if (!decoded.ok()) return decoded.error().Within("a reply of the guest could not be read");
    Reply reply = *std::move(decoded);
    if (reply.request_id != id)
      return Error{ErrorKind::kProtocol, "the guest answered request " + std::to_string(reply.request_id) +
                                             " where " + std::to_string(id) + " was due"};
    TRY(conduct_.CheckReply(reply));
    reply.error = OneLine(reply.error, kMostForeignText);
    next_reply_ = id + 1;
    return reply;
  }
}

Result<> RunSession::AwaitProvided(vmm::Deadline deadline) {
  const std::uint32_t plan_begin = next_request_ - wire_sent_;
  while (next_reply_ < plan_begin) {
    const Reply reply = TRY(AwaitReply(next_reply_, deadline));
    if (!reply.error.empty())
      return Error{ErrorKind::kGuest, "the guest could not be prepared: " + reply.error};
  }
  conduct_.PlanBegins();
  return {};
}

void RunSession::Enter(const PlannedRequest& planned) {
  phase_ = planned.phase;
  cleanup_ = planned.cleanup;
  teller_.Tell(EventKind::kRequest, planned.label, planned.path, planned.phase);
}

Result<Reply> RunSession::Await(const PlannedRequest& planned, vmm::Deadline deadline) {
  if (!refused_ || planned.As<Finish>() != nullptr) Enter(planned);
  conduct_.Begin(planned.guest()->message);
  const auto* const start = planned.As<StartPayload>();
  const bool attaches = start != nullptr && start->attach;
  if (attaches) schedulers_.Begin();
  TRY(SendPlan());
  Reply reply = TRY(AwaitReply(next_reply_, deadline));
  if (const std::string why = schedulers_.WhyRefused(); attaches && !reply.error.empty() && !why.empty())
    reply.error += "; " + OneLine(why, kMostForeignText);
  if (reply.error != kNotTried) NoteReply(planned, reply);
  refused_ = refused_ || !reply.error.empty();
  return reply;
}

Result<std::string> RunSession::Fetch(const std::string& path, std::chrono::nanoseconds patience) {
  const AnyStruct request = AnyStruct::Of(ReadFile{path});
  const std::uint32_t id = TRY(Send(request));
  conduct_.Begin(request);
  const Reply reply = TRY(AwaitReply(id, vmm::After(patience)));
  if (!reply.error.empty()) return Error{ErrorKind::kGuest, reply.error};
  return TakeFile(path);
}

Result<> RunSession::AwaitPaused(vmm::Machine& machine, vmm::Deadline deadline) {
  TRY(SendPlan());
  while (machine.running()) {
    // Its reply comes once it runs again; until then there are only events.
    Result<Frame> frame = channel_.Receive(std::min(deadline, vmm::After(std::chrono::milliseconds(1))));
    if (frame.ok() && frame->type == FrameType::kEvent) {
      TRY(HandleEvent(frame->payload));
    } else if (frame.ok()) {
      return Error{ErrorKind::kGuest, "the guest did not pause where it was to be looked at"};
    } else if (frame.error().kind != ErrorKind::kTimeout || vmm::Passed(deadline)) {
      return frame.error();
    }
  }
  return {};
}

Result<> RunSession::Drain(vmm::Deadline deadline, const PlannedRequest& finish) {
  Enter(finish);
  conduct_.Forgive();
  const std::uint32_t id = TRY(Send(finish.guest()->message));
  while (true) {
    const Frame frame = TRY(channel_.Receive(deadline));
    if (frame.type == FrameType::kEvent) {
      TRY(HandleEvent(frame.payload));
    } else if (TRY(Decode<Reply>(frame.payload)).request_id == id) {
      outcome_.record.kernel_log.ended = outcome_.record.kernel_log.begun;
      return {};
    }
  }
}

Result<> RunSession::HandleEvent(std::span<const std::byte> payload) {
  const std::size_t bytes = payload.size();
  Result<AnyStruct> decoded = DecodeAny(EventTypes(), payload);
  constexpr const char* kUnreadable = "an event of the guest could not be read";
  if (!decoded.ok()) return decoded.error().Within(kUnreadable);
  if (!payload.empty() || decoded->decl() == nullptr)
    return Error{ErrorKind::kProtocol, std::string(kUnreadable) + ": its length is wrong"};
  AnyStruct event = *std::move(decoded);
  TRY(conduct_.CheckEvent(event));
  TRY(budget_.Spend(event, bytes));
  if (event.Is<Ready>()) {
    TRY(vmm::CheckClaims(event.As<Ready>()));
    ready_ = std::move(event.As<Ready>());
  } else if (event.Is<CgroupFigures>()) {
    Keep(event.As<CgroupFigures>());
  } else if (event.Is<WorkerDone>()) {
    Keep(std::move(event.As<WorkerDone>()));
  } else if (event.Is<PayloadOutput>()) {
    Keep(event.As<PayloadOutput>());
  } else if (event.Is<PayloadDone>()) {
    Keep(event.As<PayloadDone>());
  } else if (event.Is<KernelMessages>()) {
    Keep(event.As<KernelMessages>());
  } else if (event.Is<SchedulerLook>()) {
    Keep(event.As<SchedulerLook>());
  } else if (event.Is<SchedulerDump>()) {
    dump_.Take(event.As<SchedulerDump>().text, last_phase_, outcome_.record.queued_tasks);
    teller_.sink().OnSchedulerDump(PrintableLines(event.As<SchedulerDump>().text));
  } else if (event.Is<FileContent>()) {
    const auto& piece = event.As<FileContent>();
    std::string& file = files_[piece.path];
    if (piece.offset == 0) file.clear();
    file += piece.bytes;
  } else if (event.Is<Warning>()) {
    outcome_.warnings.push_back(OneLine(event.As<Warning>().text, kMostForeignText));
    teller_.Tell(EventKind::kWarning, outcome_.warnings.back(), "", phase_);
  } else if (event.Is<ChannelFault>()) {
    return Error{ErrorKind::kProtocol, "the guest could not read what it was sent: " +
                                           OneLine(event.As<ChannelFault>().text, kMostForeignText)};
  }
  return {};
}

void RunSession::Keep(const CgroupFigures& figures) {
  // A cgroup that is made anew under the same name goes on with the old one's.
  for (CgroupFigures& known : outcome_.record.cgroup_figures)
    if (known.phase == figures.phase && known.cgroup == figures.cgroup) return known.Append(figures);
  outcome_.record.cgroup_figures.push_back(figures);
}

void RunSession::Keep(WorkerDone done) {
  if (done.group >= plan_.groups.size()) return;
  if (done.report.exit_info)
    done.report.exit_info->text = OneLine(done.report.exit_info->text, kMostForeignText);
  const std::string where = done.cgroup.empty() ? "runner" : done.cgroup;
  teller_.Tell(EventKind::kWorker,
               where + "/" + std::to_string(done.report.index) + ": " + HowItReported(done.report),
               plan_.groups[done.group].made.path, phase_);
  if (!done.report.storage.empty() && !disk_backing_.empty())
    done.report.storage += "; on the host a file on " + disk_backing_;
  outcome_.record.reports.push_back({done.group, std::move(done.report)});
}

void RunSession::Keep(const KernelMessages& messages) {
  // Replies and events come in one order: what the kernel said in a phase is here before the reply to its
  // end.
  kernel_log_.Take(messages, Position(), outcome_.record.kernel_log);
  schedulers_.Take(messages, Position());
  teller_.sink().OnKernelLog(RenderKernelMessages(messages));
}

void RunSession::NoteReply(const PlannedRequest& planned, const Reply& reply) {
  teller_.Tell(EventKind::kReply, reply.error, planned.path, planned.phase, reply.clock_ns);
  if (!reply.error.empty()) return;
  if (const auto* workers = planned.As<StartWorkers>()) NoteGroup(plan_.groups[workers->group], *workers);
  if (const auto* move = planned.As<MoveWorkers>(); move != nullptr && reply.mark)
    NoteMove(*move, reply.mark->clock_ns);
  if (const auto* change = planned.As<AdjustWorkers>()) NoteChange(*change);
  if (const auto* signal = planned.As<SignalTasks>()) NoteSignal(*signal);
  if (const auto* mark = planned.As<MarkPhase>(); mark != nullptr && reply.mark)
    NotePhase(*mark, *reply.mark);
  if (planned.As<Finish>() != nullptr) outcome_.record.kernel_log.ended = outcome_.record.kernel_log.begun;
}

void RunSession::NoteGroup(const GroupState& group, const StartWorkers& request) {
  WorkerGroup started;
  started.id = group.id;
  started.cgroup = request.cgroup;
  started.name = group.name;
  started.work_type = group.work_type;
  started.group_idx = group.group_idx;
  started.expected = group.count;
  started.backdrop = group.slot == Slot::kBackdrop;
  started.first_phase = group.phase;
  started.policy = GroupPolicyText(request);
  if (group.always_restricted) started.allowed = group.allowed;
  outcome_.record.groups.push_back(std::move(started));
}

void RunSession::NoteMove(const MoveWorkers& move, std::uint64_t at_ns) {
  for (WorkerGroup& group : outcome_.record.groups)
    if (std::find(move.groups.begin(), move.groups.end(), group.id) != move.groups.end())
      group.moves.push_back({move.cgroup, at_ns});
}

void RunSession::NoteChange(const AdjustWorkers& change) {
  if (!change.policy && !change.nice) return;
  const TaskPolicy policy = change.policy.value_or(TaskPolicy{});
  for (WorkerGroup& group : outcome_.record.groups)
    if (std::find(change.groups.begin(), change.groups.end(), group.id) != change.groups.end())
      group.policy += ", later " + PolicyText(policy.policy, policy.rt_priority, change.nice);
}

void RunSession::NoteSignal(const SignalTasks& signal) {
  if (signal.signal == SIGSTOP || signal.signal == SIGCONT) return;
  for (WorkerGroup& group : outcome_.record.groups)
    if (std::find(signal.groups.begin(), signal.groups.end(), group.id) != signal.groups.end())
      group.may_be_killed = true;
}

void RunSession::NotePhase(const MarkPhase& mark, const PhaseMark& at) {
  for (PhaseWindow& window : outcome_.record.phases) {
    if (window.index != mark.phase) continue;
    (mark.end ? window.end_ns : window.start_ns) = at.clock_ns;
    (mark.end ? window.iterations_end : window.iterations_start) = at.total_iterations;
    const bool again = !mark.end && window.started;  // its first Ops are done
    (mark.end ? window.ended : window.started) = true;
    window.live_workers = at.live_workers;
    if (again) continue;
    teller_.Tell(mark.end ? EventKind::kPhaseEnd : EventKind::kPhaseBegin, window.name, "", mark.phase,
                 at.clock_ns);
  }
  last_phase_ = mark.phase;
  open_phase_ = mark.end ? std::nullopt : std::optional(mark.phase);
}

}  // namespace ktstr
