#include "interpreter/run/guest_conduct.h"

#include <fmt/format.h>

#include <algorithm>

#include "guest-init/base/one_line.h"
#include "interpreter/run/report_contradictions.h"

namespace ktstr {
namespace {

template <typename... Args>
Error Lie(fmt::format_string<Args...> text, Args&&... args) {
  return {ErrorKind::kProtocol, fmt::format(text, std::forward<Args>(args)...)};
}

/// Of a guest, in an error's one line.
std::string Quoted(std::string_view foreign) { return "'" + OneLine(foreign, 100) + "'"; }

}  // namespace

void GuestConduct::Begin(const AnyStruct& request) {
  request_ = request;
  if (request.Is<CreateCgroup>()) cgroups_.insert(request.As<CreateCgroup>().cgroup);
  if (request.Is<StartWorkers>())
    places_[request.As<StartWorkers>().group] = {request.As<StartWorkers>().cgroup};
  if (request.Is<MoveWorkers>())  // whether they got there its reply tells
    for (const std::uint32_t group : request.As<MoveWorkers>().groups)
      places_[group].push_back(request.As<MoveWorkers>().cgroup);
  if (request.Is<StartPayload>()) payloads_.emplace(request.As<StartPayload>().handle, false);
  file_bytes_ = 0;
  file_ended_ = false;
}

Result<> GuestConduct::CheckEvent(const AnyStruct& event) {
  if (forgiving_) return {};
  if (event.Is<Ready>()) return Check(event.As<Ready>());
  if (event.Is<ChannelFault>()) return {};
  if (!ready_) return Lie("the guest sent {} before Ready", event.decl()->name);
  if (event.Is<CgroupFigures>()) return Check(event.As<CgroupFigures>());
  if (event.Is<WorkerDone>()) return Check(event.As<WorkerDone>());
  if (event.Is<PayloadOutput>()) return Check(event.As<PayloadOutput>());
  if (event.Is<PayloadDone>()) return Check(event.As<PayloadDone>());
  if (event.Is<SchedulerLook>()) return Check(event.As<SchedulerLook>());
  if (event.Is<FileContent>()) return Check(event.As<FileContent>());
  if (event.Is<KernelMessages>()) return Check(event.As<KernelMessages>());
  return {};
}

Result<> GuestConduct::Check(const Ready& ready) {
  if (ready_) return Lie("the guest sent Ready twice");
  ready_ = ready;
  clock_ns_ = ready.clock_ns;
  return {};
}

Result<> GuestConduct::Check(const CgroupFigures& figures) const {
  if (!cgroups_.contains(figures.cgroup))
    return Lie("the guest sent figures of cgroup {}, which was never made", Quoted(figures.cgroup));
  if (figures.phase >= plan_.phases.size() && figures.phase != kBetweenPhases)
    return Lie("the guest sent figures of cgroup {} in phase {}, which there is not", Quoted(figures.cgroup),
               figures.phase);
  if (figures.throttled_periods.value_or(0) > figures.periods.value_or(0))
    return Lie("cgroup {} was throttled in {} of {} periods", Quoted(figures.cgroup),
               *figures.throttled_periods, figures.periods.value_or(0));
  return {};
}

Result<> GuestConduct::Check(const WorkerDone& done) {
  const auto places = places_.find(done.group);
  if (places == places_.end() || done.group >= plan_.groups.size())
    return Lie("a report came from worker group {}, which was never started", done.group);
  const GroupState& group = plan_.groups[done.group];
  const std::vector<std::string>& possible = places->second;
  if (std::find(possible.begin(), possible.end(), done.cgroup) == possible.end())
    return Lie("a report came from a worker in cgroup {}, whose group is in {}", Quoted(done.cgroup),
               Quoted(possible.back()));
  const std::string name =
      fmt::format("{}/{}", possible.back().empty() ? "runner" : possible.back(), done.report.index);
  if (done.report.index >= group.count)
    return Lie("worker {} left a report, but only {} {} started", name, group.count,
               group.count == 1 ? "was" : "were");
  if (!reported_.emplace(done.group, done.report.index).second)
    return Lie("worker {} left two reports", name);
  const std::string contradiction =
      ContradictionIn(done.report, {ready_->online_cpus, static_cast<std::uint32_t>(plan_.phases.size())});
  if (!contradiction.empty())
    return Lie("the report of worker {} contradicts itself: {}", name, contradiction);
  latest_ns_ = std::max(latest_ns_, done.report.created_ns + done.report.wall_ns);
  return {};
}

Result<> GuestConduct::CheckRunning(std::uint32_t handle, const char* what) const {
  const auto at = payloads_.find(handle);
  if (at == payloads_.end() || handle >= plan_.payloads.size())
    return Lie("the guest sent {} of payload {}, which was never started", what, handle);
  if (at->second)
    return Lie("the guest sent {} of payload {}, which has ended", what, Quoted(plan_.payloads[handle].name));
  return {};
}

Result<> GuestConduct::Check(const PayloadOutput& output) const {
  return CheckRunning(output.handle, "output");
}

Result<> GuestConduct::Check(const PayloadDone& done) {
  TRY(CheckRunning(done.handle, "the end"));
  payloads_[done.handle] = true;
  const std::string& name = plan_.payloads[done.handle].name;
  if (done.payload_index != payloads_done_)
    return Lie("payload '{}' ended as number {} where {} was due", name, done.payload_index, payloads_done_);
  ++payloads_done_;
  if (done.ended_ns < done.started_ns) return Lie("payload '{}' ended before it started", name);
  if (const auto& wait = done.longest_wait; wait && wait->end_ns < wait->begin_ns)
    return Lie("a task of payload '{}' waited until before it began to wait", name);
  latest_ns_ = std::max(latest_ns_, done.ended_ns);
  return {};
}

Result<> GuestConduct::Check(const SchedulerLook& look) {
  if (!payloads_.contains(look.handle) || look.handle >= plan_.payloads.size())
    return Lie("the guest sent the state of scheduler {}, which was never started", look.handle);
  const PayloadState& scheduler = plan_.payloads[look.handle];
  if (!scheduler.scheduler)
    return Lie("the guest sent the state of a scheduler for payload {}", Quoted(scheduler.name));
  const bool attached = look.moment == SchedulerMoment::kAttached;
  const bool starts =
      request_ && request_->Is<StartPayload>() && request_->As<StartPayload>().handle == look.handle;
  const bool stops =
      request_ && (request_->Is<Finish>() ||
                   (request_->Is<StopScheduler>() && request_->As<StopScheduler>().handle == look.handle));
  const bool expected = attached ? starts : stops && attached_.contains(look.handle);
  const bool fresh = attached ? attached_.insert(look.handle).second : stopping_.insert(look.handle).second;
  if (!expected || !fresh)
    return Lie("the guest said of scheduler {} that it is {} when nobody had asked for that",
               Quoted(scheduler.name), kSchedulerMoments[static_cast<std::size_t>(look.moment)].name);
  latest_ns_ = std::max(latest_ns_, look.clock_ns);
  return {};
}

Result<> GuestConduct::Check(const FileContent& piece) {
  if (!request_ || !request_->Is<ReadFile>() || request_->As<ReadFile>().path != piece.path)
    return Lie("the guest sent a piece of a file that was not asked for: {}", Quoted(piece.path));
  if (file_ended_ || piece.offset != file_bytes_)
    return Lie("the pieces of the guest's file {} do not fit together", Quoted(piece.path));
  file_bytes_ += piece.bytes.size();
  file_ended_ = piece.last;
  return {};
}

Result<> GuestConduct::Check(const KernelMessages& messages) {
  if (messages.early && plan_begun_)
    return Lie("the guest sent kernel messages from before the scenario when that had begun");
  log_seen_ = true;
  for (const KernelMessage& message : messages.messages) {
    if (log_sequence_ && message.sequence <= *log_sequence_)
      return Lie("message {} of the guest's kernel came behind message {}", message.sequence, *log_sequence_);
    log_sequence_ = message.sequence;
  }
  if (!messages.taint) return {};
  if ((taint_ & ~*messages.taint) != 0)
    return Lie("the guest's kernel was tainted ({:#x}) and is not any more ({:#x})", taint_, *messages.taint);
  taint_ = *messages.taint;
  return {};
}

Result<> GuestConduct::CheckMark(const Reply& reply) {
  const bool wanted =
      request_ && (request_->Is<MarkPhase>() || request_->Is<MoveWorkers>()) && reply.error.empty();
  if (reply.mark && !wanted) return Lie("the guest marked a phase unasked");
  if (!reply.mark) return wanted ? Result<>(Lie("the guest marked no phase")) : Result<>();
  if (reply.mark->clock_ns < clock_ns_ || reply.mark->clock_ns > reply.clock_ns)
    return Lie("the guest marked a phase at {} ns of its clock, but was asked between {} and {} ns",
               reply.mark->clock_ns, clock_ns_, reply.clock_ns);
  if (reply.mark->total_iterations < iterations_)
    return Lie("the guest's workers had {} iterations and now {}", iterations_, reply.mark->total_iterations);
  iterations_ = reply.mark->total_iterations;
  return {};
}

Result<> GuestConduct::CheckReply(const Reply& reply) {
  if (forgiving_) return {};
  if (!ready_) return Lie("the guest sent a reply before Ready");
  if (reply.clock_ns < clock_ns_)
    return Lie("the guest's clock went back by {} ns", clock_ns_ - reply.clock_ns);
  if (reply.clock_ns < latest_ns_)
    return Lie("the guest told of what happens {} ns later by its own clock", latest_ns_ - reply.clock_ns);
  TRY(CheckMark(reply));
  const std::uint64_t passed_ns = reply.clock_ns - clock_ns_;
  clock_ns_ = reply.clock_ns;
  refused_ = refused_ || !reply.error.empty();
  if (!request_ || !reply.error.empty()) return {};
  if (request_->Is<MoveWorkers>())
    for (const std::uint32_t group : request_->As<MoveWorkers>().groups)
      places_[group] = {request_->As<MoveWorkers>().cgroup};
  return CheckDone(*request_, passed_ns);
}

Result<> GuestConduct::CheckEnded(std::uint32_t handle) const {
  const auto at = payloads_.find(handle);
  if (at == payloads_.end() || at->second) return {};
  return Lie("the guest did not say how payload '{}' ended", plan_.payloads[handle].name);
}

/// What must have come before the guest says that it has done as it was asked to.
Result<> GuestConduct::CheckDone(const AnyStruct& request, std::uint64_t passed_ns) const {
  if (request.Is<ReadFile>() && !file_ended_)
    return Lie("the guest's file {} ends in the middle", Quoted(request.As<ReadFile>().path));
  if (request.Is<AwaitPayload>()) return CheckEnded(request.As<AwaitPayload>().handle);
  if (request.Is<StopPayload>()) return CheckEnded(request.As<StopPayload>().handle);
  if (request.Is<StopScheduler>()) {
    const std::uint32_t handle = request.As<StopScheduler>().handle;
    if (!stopping_.contains(handle))
      return Lie("the guest did not say whether scheduler {} was still attached",
                 Quoted(plan_.payloads[handle].name));
    return CheckEnded(handle);
  }
  if (request.Is<StartPayload>() && request.As<StartPayload>().attach &&
      !attached_.contains(request.As<StartPayload>().handle))
    return Lie("the guest did not say that scheduler {} is attached",
               Quoted(request.As<StartPayload>().name));
  if (request.Is<Hold>()) {
    const auto& hold = request.As<Hold>();
    if (!hold.from_mark && passed_ns < hold.duration_ns)
      return Lie("the guest held for {} ns of {} ns", passed_ns, hold.duration_ns);
  }
  if (!request.Is<Finish>()) return {};
  if (!log_seen_) return Lie("the guest sent nothing of its kernel's log");
  for (const auto& [handle, ended] : payloads_)
    if (!refused_) TRY(CheckEnded(handle));
  return {};
}

}  // namespace ktstr
