#include "guest-init/tasks.h"

#include <signal.h>

#include <algorithm>
#include <charconv>

#include "guest-init/base/clock.h"
#include "guest-init/base/file_io.h"

namespace ktstr::guest {
namespace {

// Between two looks at workers while any live: for waits that do not end (worker_account.h), for CPUs that
// come and go, and to notice that the machine did not run.
constexpr std::uint64_t kLookEveryNs = 100'000'000;
constexpr const char* kOnlineCpus = "/sys/devices/system/cpu/online";

/// Puts process ids in the place of each `${pid:<handle>}`.
Result<> PutPids(std::string& text, const std::function<Result<pid_t>(std::uint32_t)>& pid_of) {
  for (std::size_t at = text.find(kPidPlaceBegin); at != std::string::npos;
       at = text.find(kPidPlaceBegin, at)) {
    const std::size_t number = at + kPidPlaceBegin.size();
    std::uint32_t handle = 0;
    const auto [end, error] = std::from_chars(text.data() + number, text.data() + text.size(), handle);
    if (error != std::errc() || end == text.data() + text.size() || *end != '}') {
      at = number;  // not of the host's making
      continue;
    }
    const std::string pid = std::to_string(TRY(pid_of(handle)));
    text.replace(at, static_cast<std::size_t>(end - text.data()) + 1 - at, pid);
    at += pid.size();
  }
  return {};
}

}  // namespace

Result<> Tasks::Start(const StartWorkers& request) {
  if (groups_.contains(request.group) || collected_groups_.contains(request.group))
    return Refuse("worker group " + std::to_string(request.group) + " was started before");
  TRY(tree_.CheckExists(request.cgroup));
  std::unique_ptr<WorkerProcesses> group = TRY(WorkerProcesses::Fork(loop_, around_, request, phase_));
  TRY(group->Place());
  TRY(tree_.CheckPids(request.cgroup));
  group->Release();
  group->SetPaused(paused_);
  groups_[request.group] = std::move(group);
  return {};
}

bool Tasks::SetUp(std::uint32_t group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() || found->second->SetUp();
}

Result<> Tasks::Start(StartPayload request) {
  if (payloads_.contains(request.handle))
    return Refuse("payload handle " + std::to_string(request.handle) + " was used before");
  const auto pid_of = [this](std::uint32_t handle) -> Result<pid_t> {
    return TRY(FindPayload(handle))->pid();
  };
  for (std::vector<std::string>* texts : {&request.argv, &request.env})
    for (std::string& text : *texts) TRY(PutPids(text, pid_of));
  PayloadProcess::Callbacks callbacks;
  callbacks.output = [this](PayloadOutput output) { Send(std::move(output)); };
  callbacks.done = [this](PayloadDone done) {
    done.payload_index = finalised_payloads_++;
    done.longest_wait = payload_watch_.Take(done.handle);
    Send(done);
  };
  callbacks.warning = [this](std::string text) { Send(Warning{std::move(text)}); };
  std::unique_ptr<PayloadProcess> payload =
      TRY(PayloadProcess::Start(loop_, tree_, payload_bin_, request, std::move(callbacks)));
  payload->SetPaused(paused_);
  payloads_[request.handle] = std::move(payload);
  return {};
}

Result<PayloadProcess*> Tasks::FindPayload(std::uint32_t handle) const {
  const auto found = payloads_.find(handle);
  if (found == payloads_.end()) return Refuse("there is no payload with handle " + std::to_string(handle));
  return found->second.get();
}

bool Tasks::HaveScheduler() const {
  return std::any_of(payloads_.begin(), payloads_.end(), [](const auto& payload) {
    return payload.second->request().attach && !payload.second->finalised();
  });
}

/// Before a thaw, so that workers know it when they run again.
void Tasks::PublishFrozen() const {
  for (const auto& [id, group] : groups_) group->PublishFrozen();
}

void Tasks::Thaw(const std::string& cgroup) {
  PublishFrozen();
  tree_.Thaw(cgroup);
}

Result<> Tasks::SetFrozen(const std::string& cgroup, bool frozen) {
  if (!frozen) PublishFrozen();
  return tree_.SetFrozen(cgroup, frozen);
}

void Tasks::Stop(const Stopping& stopping) {
  for (const std::uint32_t id : stopping.groups) groups_.at(id)->EndAccount();
  for (const std::uint32_t id : stopping.groups) {
    Thaw(groups_.at(id)->request().cgroup);
    if (groups_.at(id)->held()) groups_.at(id)->Signal(SIGCONT);
    groups_.at(id)->RequestStop();
  }
}

Stopping Tasks::StopIn(const std::string& cgroup) {
  Stopping stopping;
  for (const auto& [id, group] : groups_)
    if (group->request().cgroup == cgroup) stopping.groups.push_back(id);
  LookAtWaitingPayloads();
  Stop(stopping);
  Thaw(cgroup);
  for (const auto& [handle, payload] : payloads_) {
    if (payload->request().cgroup != cgroup || payload->finalised() || payload->request().attach) continue;
    stopping.payloads.push_back(handle);
    payload->Kill(PayloadEnd::kCollected, MonotonicNs());
  }
  return stopping;
}

Result<Stopping> Tasks::StopGroups(const std::vector<std::uint32_t>& groups) {
  TRY(Live(groups));
  Stopping stopping;
  for (const std::uint32_t id : groups)
    if (groups_.contains(id)) stopping.groups.push_back(id);
  Stop(stopping);
  return stopping;
}

Stopping Tasks::StopAll() {
  Stopping stopping;
  for (const auto& [id, group] : groups_) stopping.groups.push_back(id);
  LookAtWaitingPayloads();
  Stop(stopping);
  for (const auto& [handle, payload] : payloads_) {
    if (payload->finalised()) continue;
    stopping.payloads.push_back(handle);
    if (payload->awaited || payload->ended() || payload->request().attach) continue;
    Send(Warning{"payload '" + payload->request().name + "' (cgroup '" + payload->request().cgroup +
                 "') was never waited for; it was killed at the end"});
  }
  for (const std::uint32_t handle : stopping.payloads)
    payloads_.at(handle)->Kill(PayloadEnd::kCollected, MonotonicNs());
  return stopping;
}

bool Tasks::Stopped(const Stopping& stopping) {
  for (const std::uint32_t id : stopping.groups) {
    const auto found = groups_.find(id);
    if (found == groups_.end()) continue;
    WorkerProcesses& group = *found->second;
    if (!group.collecting())
      group.BeginCollect([this, id, cgroup = group.request().cgroup](WorkerReport report) {
        Send(WorkerDone{id, cgroup, std::move(report)});
      });
    return false;
  }
  return std::all_of(stopping.payloads.begin(), stopping.payloads.end(),
                     [this](std::uint32_t handle) { return payloads_.at(handle)->finalised(); });
}

void Tasks::LookAtWaitingPayloads() {
  payload_watch_.LookAtWaiting(MonotonicNs(), around_.machine_stopped_ns, phase_);
}

PhaseMark Tasks::Mark(std::uint32_t phase) {
  if (phase != phase_) LookAtWaitingPayloads();
  const bool cut = std::exchange(phase_, phase) != phase;
  for (const auto& [id, group] : groups_)
    if (cut) group->Mark(phase);
  return Count();
}

PhaseMark Tasks::Count() const {
  PhaseMark mark;
  mark.total_iterations = retired_iterations_;
  for (const auto& [id, group] : groups_) {
    mark.total_iterations += group->TotalIterations();
    mark.live_workers += group->LiveWorkers();
  }
  mark.clock_ns = MonotonicNs();
  return mark;
}

Result<std::vector<WorkerProcesses*>> Tasks::Live(const std::vector<std::uint32_t>& groups) const {
  std::vector<WorkerProcesses*> live;
  for (const std::uint32_t id : groups) {
    const auto found = groups_.find(id);
    if (found != groups_.end()) live.push_back(found->second.get());
    if (found == groups_.end() && !collected_groups_.contains(id))
      return Refuse("there is no worker group " + std::to_string(id));
  }
  return live;
}

Result<PhaseMark> Tasks::Move(const MoveWorkers& request) {
  TRY(tree_.CheckExists(request.cgroup));
  const std::vector<WorkerProcesses*> groups = TRY(Live(request.groups));
  const std::uint64_t begin_ns = MonotonicNs();
  for (WorkerProcesses* group : groups) TRY(group->MoveTo(request.cgroup, phase_));
  TRY(tree_.CheckPids(request.cgroup));
  PhaseMark mark = Count();
  mark.clock_ns = begin_ns;
  return mark;
}

Result<> Tasks::Signal(const std::vector<std::uint32_t>& groups, int signal) {
  for (WorkerProcesses* group : TRY(Live(groups))) group->Signal(signal);
  return {};
}

bool Tasks::AllStopped(const std::vector<std::uint32_t>& groups) const {
  return std::all_of(groups.begin(), groups.end(), [this](std::uint32_t id) {
    const auto found = groups_.find(id);
    return found == groups_.end() || found->second->AllStopped();
  });
}

Result<> Tasks::Adjust(const AdjustWorkers& request) {
  for (WorkerProcesses* group : TRY(Live(request.groups))) TRY(group->Adjust(request));
  return {};
}

void Tasks::BeginCpusetChange() {
  NoteHotplug();
  for (const auto& [id, group] : groups_) group->BeginCpusetChange();
}

void Tasks::EndCpusetChange() {
  for (const auto& [id, group] : groups_) group->EndCpusetChange();
}

void Tasks::NoteHotplug() {
  const std::string online = ReadSmallFile(kOnlineCpus);
  if (std::exchange(online_cpus_, online) == online) return;
  for (const auto& [id, group] : groups_) group->RefreshCpus();
}

std::uint64_t Tasks::LongestWaitNs() const {
  std::uint64_t longest = payload_watch_.LongestWaitNs();
  for (const auto& [id, group] : groups_) longest = std::max(longest, group->LongestWaitNs());
  return longest;
}

bool Tasks::HaveDeadlines() const {
  return std::any_of(groups_.begin(), groups_.end(), [](const auto& group) {
    return group.second->request().policy == SchedPolicy::kDeadline;
  });
}

std::uint64_t Tasks::LookAround(std::uint64_t now_ns) {
  if (groups_.empty()) return EventLoop::kNever;
  if (now_ns < next_look_ns_) return next_look_ns_;
  next_look_ns_ = now_ns + kLookEveryNs;
  NoteHotplug();
  for (const auto& [id, group] : groups_) group->Look();
  return next_look_ns_;
}

std::uint64_t Tasks::LookAtPayloads(std::uint64_t now_ns) {
  std::vector<WatchedPayload> watched;
  for (const auto& [handle, payload] : payloads_)
    if (payload->started() && !payload->ended() && !payload->request().attach)
      watched.push_back({handle, payload->pid(), payload->request().cgroup});
  if (watched.empty()) {
    payload_watch_.Clear();
    return EventLoop::kNever;
  }
  if (now_ns < next_payload_look_ns_) return next_payload_look_ns_;
  next_payload_look_ns_ = now_ns + PayloadWatch::kEveryNs;
  payload_watch_.Look(watched, now_ns, around_.machine_stopped_ns, phase_);
  return next_payload_look_ns_;
}

std::uint64_t Tasks::Tick(std::uint64_t now_ns) {
  std::uint64_t wake_ns = std::min(LookAround(now_ns), LookAtPayloads(now_ns));
  for (const auto& [handle, payload] : payloads_) wake_ns = std::min(wake_ns, payload->Tick(now_ns));
  for (const auto& [id, group] : groups_) wake_ns = std::min(wake_ns, group->Tick(now_ns));
  for (auto group = groups_.begin(); group != groups_.end();) {
    if (!group->second->collected()) {
      ++group;
      continue;
    }
    retired_iterations_ += group->second->TotalIterations();
    collected_groups_.insert(group->first);
    group = groups_.erase(group);
  }
  return wake_ns;
}

void Tasks::OnDied(pid_t pid) {
  for (const auto& [id, group] : groups_) group->OnDied(pid);
}

void Tasks::OnReaped(pid_t pid, int status) {
  // Whom neither knows is an orphan that PID 1 inherited.
  bool known = false;
  for (const auto& [id, group] : groups_) known = known || group->OnReaped(pid, status);
  for (const auto& [handle, payload] : payloads_) known = known || payload->OnReaped(pid, status);
}

void Tasks::SetPaused(bool paused) {
  paused_ = paused;
  for (const auto& [handle, payload] : payloads_) payload->SetPaused(paused);
  for (const auto& [id, group] : groups_) group->SetPaused(paused);
}

}  // namespace ktstr::guest
