// What each request does. A request returns a Step that is looked at until it says that the request is done.
#include <signal.h>

#include <algorithm>

#include "guest-init/base/clock.h"
#include "guest-init/base/file_io.h"
#include "guest-init/base/units.h"
#include "guest-init/executor.h"
#include "guest-init/file_reading.h"
#include "guest-init/machine_pause.h"
#include "guest-init/provision.h"

namespace ktstr::guest {
namespace {

// Between two looks at a cgroup whose tasks were killed.
constexpr std::uint64_t kPopulatedPollNs = 2'000'000;
constexpr std::uint64_t kPopulatedPatienceNs = 1'000'000'000;
constexpr const char* kClockSource = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
// How long started workers are waited for until they have set themselves up.
constexpr std::uint64_t kSetUpPatienceNs = 100'000'000;
constexpr std::uint64_t kSettlePollNs = 50'000'000;
constexpr std::uint64_t kSettlePatienceNs = 5'000'000'000;

Error Refuse(std::string cause) { return {ErrorKind::kGuest, std::move(cause)}; }

/// A step that is done at once.
auto Now(Result<> result) {
  return [result = std::move(result)](std::uint64_t, std::uint64_t&) { return std::optional(result); };
}

}  // namespace

template <typename T>
bool Executor::TryHandle(const AnyStruct& request, Step& step) {
  if (!request.Is<T>()) return false;
  step = On(request.As<T>());
  return true;
}

Executor::Step Executor::Handle(const AnyStruct& request) {
  Step step;
  const auto handle = [&]<typename... T>() { return (TryHandle<T>(request, step) || ...); };
  if (handle.operator()<EnableControllers, CreateCgroup, WriteCgroupFile, DestroyCgroup, StartWorkers,
                        StopCgroupTasks, StopWorkers, StartPayload, AwaitPayload, StopPayload, MarkPhase,
                        Hold, SetHoldMark, Finish, Program, PutFile, ReadFile, PinMap, StandStill,
                        SetIdentity, Park, Ping>())
    return step;
  return Now(Refuse("this guest does not know the request " + std::string(request.decl()->name)));
}

Executor::Step Executor::On(const EnableControllers& request) {
  return Now(tree_.EnableControllers(request.controllers));
}
Executor::Step Executor::On(const CreateCgroup& request) { return Now(tree_.CreateCgroup(request.cgroup)); }
Executor::Step Executor::On(const WriteCgroupFile& request) {
  return Now(tree_.WriteFile(request.cgroup, request.file, request.value));
}
Executor::Step Executor::On(const Program&) {
  program_ = true;
  refused_ = false;
  return Now({});
}
Executor::Step Executor::On(const PutFile& request) { return Now(StoreFile(request)); }
Executor::Step Executor::On(const ReadFile& request) {
  Result<FileReading> opened = FileReading::Open(request.path);
  if (!opened.ok()) return Now(opened.error());
  // A Step can be copied, a FileReading cannot.
  const auto file = std::make_shared<FileReading>(std::move(opened).value());
  return [this, file](std::uint64_t now_ns, std::uint64_t& wake_ns) -> std::optional<Result<>> {
    if (pressed_) return std::nullopt;  // goes on when the host has taken what it has been sent
    FileContent piece = TRY(file->Next());
    const bool last = piece.last;
    SendEvent(std::move(piece));
    if (last) return Result<>();
    wake_ns = now_ns;
    return std::nullopt;
  };
}
Executor::Step Executor::On(const PinMap& request) { return Now(pins_.Pin(request.name)); }
Executor::Step Executor::On(const StandStill&) { return Now(PauseMachine()); }
Executor::Step Executor::On(const SetIdentity& request) { return Now(TakeIdentity(request)); }
Executor::Step Executor::On(const Park&) {
  if (!groups_.empty() || !payloads_.empty())
    return Now(Refuse("a guest with work under way cannot be parked"));
  // The kernel's own late start: a second after boot it has calibrated the TSC and stops all CPUs to switch
  // to it. Saved before that, every clone would do so in the middle of its scenario.
  return [this, deadline = MonotonicNs() + kSettlePatienceNs](
             std::uint64_t now_ns, std::uint64_t& wake_ns) -> std::optional<Result<>> {
    if (now_ns < deadline && ReadSmallFile(kClockSource) == "tsc-early\n") {
      wake_ns = std::min(wake_ns, now_ns + kSettlePollNs);
      return std::nullopt;
    }
    park_ = true;
    return Result<>();
  };
}
Executor::Step Executor::On(const Ping&) { return Now({}); }

Result<> Executor::LaunchWorkers(const StartWorkers& request) {
  if (groups_.contains(request.group) || collected_groups_.contains(request.group))
    return Refuse("worker group " + std::to_string(request.group) + " was started before");
  TRY(tree_.CheckExists(request.cgroup));
  std::unique_ptr<WorkerProcesses> group = TRY(WorkerProcesses::Fork(loop_, request, epoch_));
  TRY(group->Place(tree_));
  group->Release();
  group->SetPaused(pressed_);
  groups_[request.group] = std::move(group);
  return {};
}
Executor::Step Executor::On(const StartWorkers& request) {
  const Result<> launched = LaunchWorkers(request);
  if (!launched.ok()) return Now(launched);
  // So that whoever looks next sees them as they were asked for. Not for ever: others may keep them from a
  // CPU.
  return [this, id = request.group, deadline = MonotonicNs() + kSetUpPatienceNs](
             std::uint64_t now_ns, std::uint64_t& wake_ns) -> std::optional<Result<>> {
    const auto group = groups_.find(id);
    if (group == groups_.end() || group->second->SetUp() || now_ns >= deadline) return Result<>();
    wake_ns = std::min(wake_ns, deadline);
    return std::nullopt;
  };
}

/// Asks everything in `cgroup` to stop; reports are collected group by group in Stopped.
Executor::Stopping Executor::StopTasksOf(const std::string& cgroup) {
  Stopping stopping;
  tree_.Thaw(cgroup);
  for (const auto& [id, group] : groups_) {
    if (group->request().cgroup != cgroup) continue;
    group->RequestStop();
    stopping.groups.push_back(id);
  }
  for (const auto& [handle, payload] : payloads_)
    if (payload->request().cgroup == cgroup && !payload->finalised()) stopping.payloads.push_back(handle);
  return stopping;
}

void Executor::KillPayloads(const std::vector<std::uint32_t>& handles, PayloadEnd why) {
  for (const std::uint32_t handle : handles) payloads_.at(handle)->Kill(why, MonotonicNs());
}

/// True once all of it has been collected and finalised. Groups are collected one after the other, so that
/// their reports do not mix.
bool Executor::Stopped(const Stopping& stopping) {
  for (const std::uint32_t id : stopping.groups) {
    const auto found = groups_.find(id);
    if (found == groups_.end()) continue;
    WorkerProcesses& group = *found->second;
    if (!group.collecting())
      group.BeginCollect([this, id, cgroup = group.request().cgroup](WorkerReport report) {
        SendEvent(WorkerDone{id, cgroup, std::move(report)});
      });
    return false;
  }
  return std::all_of(stopping.payloads.begin(), stopping.payloads.end(),
                     [this](std::uint32_t handle) { return payloads_.at(handle)->finalised(); });
}

Executor::Step Executor::On(const StopCgroupTasks& request) {
  if (Result<> exists = tree_.CheckExists(request.cgroup); !exists.ok()) return Now(exists);
  const Stopping stopping = StopTasksOf(request.cgroup);
  KillPayloads(stopping.payloads, PayloadEnd::kCollected);
  return [this, stopping, cgroup = request.cgroup](std::uint64_t, std::uint64_t&) -> std::optional<Result<>> {
    if (!Stopped(stopping)) return std::nullopt;
    if (!cgroup.empty()) tree_.KillAll(cgroup);  // what payloads left behind outside their process groups
    return Result<>();
  };
}

Executor::Step Executor::On(const DestroyCgroup& request) {
  if (request.cgroup.empty()) return Now(Refuse("the runner's own cgroup cannot be destroyed"));
  if (Result<> exists = tree_.CheckExists(request.cgroup); !exists.ok()) return Now(exists);
  if (const std::string child = tree_.FindChild(request.cgroup); !child.empty())
    return Now(tree_.Remove(request.cgroup));  // refused by the kernel; before anything is stopped
  const Stopping stopping = StopTasksOf(request.cgroup);
  KillPayloads(stopping.payloads, PayloadEnd::kCollected);
  return [this, stopping, cgroup = request.cgroup, killed_ns = std::uint64_t{0}](
             std::uint64_t now_ns, std::uint64_t& wake_ns) mutable -> std::optional<Result<>> {
    if (killed_ns == 0) {
      if (!Stopped(stopping)) return std::nullopt;
      tree_.KillAll(cgroup);
      killed_ns = now_ns;
    }
    if (tree_.Populated(cgroup) && now_ns < killed_ns + kPopulatedPatienceNs) {
      wake_ns = std::min(wake_ns, now_ns + kPopulatedPollNs);
      return std::nullopt;
    }
    return tree_.Remove(cgroup);
  };
}

Executor::Step Executor::On(const StopWorkers& request) {
  Stopping stopping;
  for (const std::uint32_t id : request.groups) {
    const auto found = groups_.find(id);
    if (found != groups_.end()) {
      stopping.groups.push_back(id);
    } else if (!collected_groups_.contains(id)) {
      return Now(Refuse("there is no worker group " + std::to_string(id)));
    }
  }
  for (const std::uint32_t id : stopping.groups) {
    tree_.Thaw(groups_.at(id)->request().cgroup);
    groups_.at(id)->RequestStop();
  }
  return [this, stopping](std::uint64_t, std::uint64_t&) -> std::optional<Result<>> {
    if (!Stopped(stopping)) return std::nullopt;
    return Result<>();
  };
}

Result<> Executor::LaunchPayload(const StartPayload& request) {
  if (payloads_.contains(request.handle))
    return Refuse("payload handle " + std::to_string(request.handle) + " was used before");
  PayloadProcess::Callbacks callbacks;
  callbacks.output = [this](PayloadOutput output) { SendEvent(std::move(output)); };
  callbacks.done = [this](PayloadDone done) {
    done.payload_index = finalised_payloads_++;
    SendEvent(done);
  };
  callbacks.warning = [this](std::string text) { SendEvent(Warning{std::move(text)}); };
  std::unique_ptr<PayloadProcess> payload =
      TRY(PayloadProcess::Start(loop_, tree_, config_.payload_bin, request, std::move(callbacks)));
  payload->SetPaused(pressed_);
  payloads_[request.handle] = std::move(payload);
  return {};
}

Executor::Step Executor::On(const StartPayload& request) {
  if (Result<> launched = LaunchPayload(request); !launched.ok()) return Now(launched);
  return [this, handle = request.handle](std::uint64_t, std::uint64_t&) -> std::optional<Result<>> {
    std::optional<Result<>> started = payloads_.at(handle)->started();
    if (started && !started->ok()) payloads_.erase(handle);
    return started;
  };
}

Result<PayloadProcess*> Executor::FindPayload(std::uint32_t handle) {
  const auto found = payloads_.find(handle);
  if (found == payloads_.end()) return Refuse("there is no payload with handle " + std::to_string(handle));
  return found->second.get();
}

Executor::Step Executor::On(const AwaitPayload& request) {
  const Result<PayloadProcess*> found = FindPayload(request.handle);
  if (!found.ok()) return Now(found.error());
  PayloadProcess* const payload = *found;
  payload->awaited = true;
  const std::uint64_t deadline = MonotonicNs() + request.timeout_ns;
  return [payload, request, deadline, late = false](
             std::uint64_t now_ns, std::uint64_t& wake_ns) mutable -> std::optional<Result<>> {
    if (!late && !payload->ended() && now_ns >= deadline) {
      late = true;
      payload->Kill(PayloadEnd::kTimedOut, now_ns);
    }
    if (payload->finalised()) {
      if (!late) return Result<>();
      return Result<>(Refuse("payload '" + payload->request().name + "' was still running after " +
                             FormatDuration(Nanoseconds(static_cast<std::int64_t>(request.timeout_ns)))));
    }
    if (!late) wake_ns = std::min(wake_ns, deadline);
    return std::nullopt;
  };
}

Executor::Step Executor::On(const StopPayload& request) {
  const Result<PayloadProcess*> found = FindPayload(request.handle);
  if (!found.ok()) return Now(found.error());
  PayloadProcess* const payload = *found;
  payload->awaited = true;
  payload->Kill(PayloadEnd::kKilled, MonotonicNs());
  return [payload](std::uint64_t, std::uint64_t&) -> std::optional<Result<>> {
    if (!payload->finalised()) return std::nullopt;
    return Result<>();
  };
}

Executor::Step Executor::On(const MarkPhase& request) {
  epoch_ = request.end ? kBetweenPhases : request.epoch;
  PhaseMark mark;
  mark.total_iterations = retired_iterations_;
  for (const auto& [id, group] : groups_) {
    group->PublishEpoch(epoch_);
    mark.total_iterations += group->TotalIterations();
    mark.live_workers += group->LiveWorkers();
  }
  mark.clock_ns = MonotonicNs();
  active_->mark = mark;
  return Now({});
}

Executor::Step Executor::On(const SetHoldMark&) {
  hold_mark_ns_ = MonotonicNs();
  return Now({});
}

Executor::Step Executor::On(const Hold& request) {
  const std::uint64_t from = request.from_mark ? hold_mark_ns_ : MonotonicNs();
  return [deadline = from + request.duration_ns](std::uint64_t now_ns,
                                                 std::uint64_t& wake_ns) -> std::optional<Result<>> {
    if (now_ns >= deadline) return Result<>();
    wake_ns = std::min(wake_ns, deadline);
    return std::nullopt;
  };
}

Executor::Step Executor::On(const Finish&) {
  Stopping stopping;
  for (const auto& [id, group] : groups_) {
    tree_.Thaw(group->request().cgroup);
    group->RequestStop();
    stopping.groups.push_back(id);
  }
  for (const auto& [handle, payload] : payloads_) {
    if (payload->finalised()) continue;
    stopping.payloads.push_back(handle);
    if (payload->awaited || payload->ended()) continue;
    SendEvent(Warning{"payload '" + payload->request().name + "' (cgroup '" + payload->request().cgroup +
                      "') was never waited for; it was killed at the end"});
  }
  KillPayloads(stopping.payloads, PayloadEnd::kCollected);
  return [this, stopping](std::uint64_t, std::uint64_t&) -> std::optional<Result<>> {
    if (!Stopped(stopping)) return std::nullopt;
    finished_ = true;
    return Result<>();
  };
}

}  // namespace ktstr::guest
