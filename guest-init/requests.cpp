#include "guest-init/requests.h"

#include <memory>

#include "guest-init/base/clock.h"
#include "guest-init/base/file_io.h"
#include "guest-init/base/units.h"
#include "guest-init/file_reading.h"
#include "guest-init/kernel_look.h"
#include "guest-init/machine_pause.h"
#include "guest-init/provision.h"

namespace ktstr::guest {
namespace {

// Between two looks at a cgroup whose tasks were killed.
constexpr std::uint64_t kPopulatedPollNs = 2'000'000;
constexpr std::uint64_t kPopulatedPatienceNs = 1'000'000'000;
// Between two looks at a cgroup that is being frozen or thawed, and how long that may take.
constexpr std::uint64_t kFreezePollNs = 1'000'000;
constexpr std::uint64_t kFreezePatienceNs = 5'000'000'000;
// How long the end of a scheduler's program may take that has begun.
constexpr std::uint64_t kExitPatienceNs = 2'000'000'000;
constexpr const char* kClockSource = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
// How long started workers are waited for until they have set themselves up.
constexpr std::uint64_t kSetUpPatienceNs = 100'000'000;
// How long the maps of a scheduler that was detached may take to go. Payloads may have made some, too.
constexpr std::uint64_t kMapsPatienceNs = 500'000'000;
constexpr std::uint64_t kSettlePollNs = 50'000'000;
constexpr std::uint64_t kSettlePatienceNs = 5'000'000'000;

/// A step that is done at once.
Step Now(Result<> result) {
  return [result = std::move(result)](std::uint64_t, std::uint64_t&) { return std::optional(result); };
}

// ---- one function per request ------------------------------------------------------------------------

Step On(GuestState& guest, const EnableControllers& request) {
  return Now(guest.tree.EnableControllers(request.controllers, request.nested));
}

Step On(GuestState& guest, const CreateCgroup& request) {
  return Now(guest.tree.CreateCgroup(request.cgroup));
}

Step On(GuestState& guest, const WriteCgroupFile& request) {
  const bool cpuset = request.file == "cpuset.cpus";
  if (cpuset) guest.tasks.BeginCpusetChange();
  Result<> written = guest.tree.WriteFile(request.cgroup, request.file, request.value);
  if (cpuset) guest.tasks.EndCpusetChange();
  return Now(std::move(written));
}

Step On(GuestState& guest, const SetFrozen& request) {
  if (const Result<> asked = guest.tasks.SetFrozen(request.cgroup, request.frozen); !asked.ok())
    return Now(asked);
  return [&guest, request, deadline = MonotonicNs() + kFreezePatienceNs](
             std::uint64_t now_ns, std::uint64_t& wake_ns) -> std::optional<Result<>> {
    if (guest.tree.Frozen(request.cgroup) == request.frozen) return Result<>();
    if (now_ns < deadline) {
      wake_ns = std::min(wake_ns, now_ns + kFreezePollNs);
      return std::nullopt;
    }
    const std::string late = "cgroup '" + request.cgroup + "' was not " +
                             (request.frozen ? "frozen" : "thawed") + " within " +
                             FormatDuration(Nanoseconds(kFreezePatienceNs));
    if (!request.frozen) return Result<>(Refuse(late + " (is one above it frozen?)"));
    TRY(guest.tasks.SetFrozen(request.cgroup, false));
    return Result<>(Refuse(late + " (a task in it waits in the kernel and cannot be interrupted)"));
  };
}

Step On(GuestState& guest, const Program&) {
  guest.log.Begin();
  guest.then = GuestState::Then::kProgram;
  return Now({});
}

Step On(GuestState&, const PutFile& request) { return Now(StoreFile(request)); }

Step On(GuestState& guest, const ReadFile& request) {
  Result<FileReading> opened = FileReading::Open(request.path);
  if (!opened.ok()) return Now(opened.error());
  // A Step can be copied, a FileReading cannot.
  const auto file = std::make_shared<FileReading>(std::move(opened).value());
  return [&guest, file](std::uint64_t now_ns, std::uint64_t& wake_ns) -> std::optional<Result<>> {
    if (guest.pressed) return std::nullopt;  // goes on when the host has taken what it has been sent
    FileContent piece = TRY(file->Next());
    const bool last = piece.last;
    guest.send(AnyStruct::Of(std::move(piece)));
    if (last) return Result<>();
    wake_ns = now_ns;
    return std::nullopt;
  };
}

Step On(GuestState& guest, const PinMap& request) { return Now(guest.pins.Pin(request.name)); }
Step On(GuestState&, const PauseMachine&) { return Now(PauseThisMachine()); }
Step On(GuestState&, const SetIdentity& request) { return Now(TakeIdentity(request)); }

Step On(GuestState& guest, const Park&) {
  if (!guest.tasks.idle()) return Now(Refuse("a guest with work under way cannot be parked"));
  // The kernel's own late start: a second after boot it has calibrated the TSC and stops all CPUs to switch
  // to it. Saved before that, every clone would do so in the middle of its scenario.
  return [&guest, deadline = MonotonicNs() + kSettlePatienceNs](
             std::uint64_t now_ns, std::uint64_t& wake_ns) -> std::optional<Result<>> {
    if (now_ns < deadline && ReadSmallFile(kClockSource) == "tsc-early\n") {
      wake_ns = std::min(wake_ns, now_ns + kSettlePollNs);
      return std::nullopt;
    }
    guest.log.ReadAhead();
    guest.then = GuestState::Then::kPark;
    return Result<>();
  };
}

Step On(GuestState&, const Ping&) { return Now({}); }

Step On(GuestState& guest, const StartWorkers& request) {
  if (const Result<> started = guest.tasks.Start(request); !started.ok()) return Now(started);
  // So that whoever looks next sees them as they were asked for. Not for ever: others may keep them from a
  // CPU.
  return [&guest, id = request.group, deadline = MonotonicNs() + kSetUpPatienceNs](
             std::uint64_t now_ns, std::uint64_t& wake_ns) -> std::optional<Result<>> {
    if (guest.tasks.SetUp(id) || now_ns >= deadline) return Result<>();
    wake_ns = std::min(wake_ns, deadline);
    return std::nullopt;
  };
}

Step On(GuestState& guest, const StopCgroupTasks& request) {
  if (Result<> exists = guest.tree.CheckExists(request.cgroup); !exists.ok()) return Now(exists);
  return [&guest, stopping = guest.tasks.StopIn(request.cgroup), cgroup = request.cgroup](
             std::uint64_t, std::uint64_t&) -> std::optional<Result<>> {
    if (!guest.tasks.Stopped(stopping)) return std::nullopt;
    if (!cgroup.empty())
      guest.tree.KillAll(cgroup);  // what payloads left behind outside their process groups
    return Result<>();
  };
}

Step On(GuestState& guest, const DestroyCgroup& request) {
  if (request.cgroup.empty()) return Now(Refuse("the runner's own cgroup cannot be destroyed"));
  if (Result<> exists = guest.tree.CheckExists(request.cgroup); !exists.ok()) return Now(exists);
  if (const std::string child = guest.tree.FindChild(request.cgroup); !child.empty())
    return Now(guest.tree.Remove(request.cgroup));  // refused by the kernel; before anything is stopped
  return [&guest, stopping = guest.tasks.StopIn(request.cgroup), cgroup = request.cgroup,
          killed_ns = std::uint64_t{0}](std::uint64_t now_ns,
                                        std::uint64_t& wake_ns) mutable -> std::optional<Result<>> {
    if (killed_ns == 0) {
      if (!guest.tasks.Stopped(stopping)) return std::nullopt;
      guest.tree.KillAll(cgroup);
      killed_ns = now_ns;
    }
    if (guest.tree.Populated(cgroup) && now_ns < killed_ns + kPopulatedPatienceNs) {
      wake_ns = std::min(wake_ns, now_ns + kPopulatedPollNs);
      return std::nullopt;
    }
    return guest.tree.Remove(cgroup);
  };
}

Step On(GuestState& guest, const StopWorkers& request) {
  Result<Stopping> begun = guest.tasks.StopGroups(request.groups);
  if (!begun.ok()) return Now(begun.error());
  return [&guest, stopping = std::move(begun).value()](std::uint64_t,
                                                       std::uint64_t&) -> std::optional<Result<>> {
    if (!guest.tasks.Stopped(stopping)) return std::nullopt;
    return Result<>();
  };
}

/// What a payload did is no fault of the request.
std::optional<Result<>> Blame(GuestState& guest, std::string cause) {
  guest.of_payload = true;
  return Result<>(Refuse(std::move(cause)));
}

/// nullopt while a payload that runs has yet to become ready.
std::optional<Result<>> AwaitReady(GuestState& guest, PayloadProcess& payload, std::uint64_t now_ns,
                                   std::uint64_t& wake_ns) {
  PayloadReadiness* const readiness = payload.readiness();
  if (readiness == nullptr || readiness->Ready()) return Result<>();
  const std::string name = "payload '" + payload.request().name + "'";
  if (payload.finalised())  // all it had to say has been read
    return Blame(guest, name + " ended before it was ready: it " + payload.HowItEnded());
  if (!payload.ended() && readiness->TimedOut(now_ns))
    return Blame(guest,
                 name + " was not ready within " +
                     FormatDuration(Nanoseconds(static_cast<std::int64_t>(readiness->wanted().timeout_ns))) +
                     ": " + readiness->WhatIsMissing());
  if (!payload.ended()) wake_ns = std::min(wake_ns, readiness->NextLook(now_ns));
  return std::nullopt;
}

/// Sends all that the kernel has said so far.
void FlushKernel(GuestState& guest) {
  guest.log.Flush();
  const SchedulerDump dump = guest.dump.Take();
  for (std::string_view rest = dump.text; !rest.empty();) {
    std::string_view piece = rest.substr(0, kMaxSchedulerDump);
    if (piece.size() < rest.size()) piece = piece.substr(0, piece.rfind('\n') + 1);
    if (piece.empty()) piece = rest.substr(0, kMaxSchedulerDump);  // a line that long is none of the kernel's
    guest.send(AnyStruct::Of(SchedulerDump{std::string(piece), dump.cut}));
    rest.remove_prefix(piece.size());
  }
}

/// nullopt while a scheduler that runs has yet to be enabled.
std::optional<Result<>> AwaitAttached(GuestState& guest, PayloadProcess& program, AttachWait& wait,
                                      std::uint64_t now_ns, std::uint64_t& wake_ns) {
  std::optional<Result<>> outcome = wait.Look(program, now_ns, wake_ns);
  if (!outcome) return outcome;
  FlushKernel(guest);  // what the kernel said of it comes first
  if (!outcome->ok()) return Blame(guest, outcome->error().message);
  guest.attached = program.request().handle;
  guest.send(AnyStruct::Of(guest.sched_ext.LookAt(*guest.attached, SchedulerMoment::kAttached)));
  return outcome;
}

Step On(GuestState& guest, const StartPayload& request) {
  std::optional<AttachWait> attach;
  if (request.attach) {
    Result<AttachWait> begun =
        AttachWait::Begin(guest.sched_ext, request.name, *request.attach, MonotonicNs());
    if (!begun.ok()) return Now(begun.error());
    attach = std::move(begun).value();
    guest.dump.Begin(guest.sched_ext.traces);
    guest.newest_map = NewestBpfMap();
  }
  if (const Result<> started = guest.tasks.Start(request); !started.ok()) return Now(started);
  return [&guest, handle = request.handle, attach](
             std::uint64_t now_ns, std::uint64_t& wake_ns) mutable -> std::optional<Result<>> {
    PayloadProcess* const payload = TRY(guest.tasks.FindPayload(handle));
    std::optional<Result<>> started = payload->started();
    if (started && !started->ok()) guest.tasks.Forget(handle);
    if (!started || !started->ok()) return started;
    guest.pid = payload->pid();
    if (attach) return AwaitAttached(guest, *payload, *attach, now_ns, wake_ns);
    return AwaitReady(guest, *payload, now_ns, wake_ns);
  };
}

/// Says in which state the attached scheduler, if there is one, is left to us. Of one that is disabled by
/// then, the kernel has said so before, and that is sent first.
void TellStopping(GuestState& guest) {
  if (!guest.attached) return;
  SchedulerLook look =
      guest.sched_ext.LookAt(*std::exchange(guest.attached, std::nullopt), SchedulerMoment::kStopping);
  FlushKernel(guest);
  guest.send(AnyStruct::Of(std::move(look)));
}

/// The scheduler is gone and its program is about to be: it ends by itself, which is to be seen before we end
/// it.
bool IsGoing(const GuestState& guest, const PayloadProcess& program) {
  return guest.sched_ext.Look().state != "enabled" && !program.finalised() && IsExiting(program.pid());
}

Step On(GuestState& guest, const StopScheduler& request) {
  const Result<PayloadProcess*> found = guest.tasks.FindPayload(request.handle);
  if (!found.ok()) return Now(found.error());
  PayloadProcess* const program = *found;
  if (guest.attached != request.handle)
    return Now(Refuse("scheduler '" + program->request().name + "' is not attached"));
  program->awaited = true;
  return
      [&guest, program, timeout_ns = request.timeout_ns, exit_ns = MonotonicNs() + kExitPatienceNs,
       wait = std::optional<DetachWait>(), outcome = std::optional<Result<>>(), maps_ns = std::uint64_t{0}](
          std::uint64_t now_ns, std::uint64_t& wake_ns) mutable -> std::optional<Result<>> {
        if (!wait && now_ns < exit_ns && IsGoing(guest, *program)) {
          wake_ns = std::min(wake_ns, NextSchedExtLook(now_ns));
          return std::nullopt;
        }
        if (!wait) {
          TellStopping(guest);
          wait.emplace(guest.sched_ext, *program, timeout_ns, now_ns);
        }
        if (!outcome) outcome = wait->Look(*program, now_ns, wake_ns);
        if (!outcome) return outcome;
        // The kernel frees what is left of it a little later; whoever looks next is not to see that.
        if (maps_ns == 0) maps_ns = now_ns + kMapsPatienceNs;
        if (outcome->ok() && now_ns < maps_ns && guest.pins.OthersAbove(guest.newest_map)) {
          wake_ns = std::min(wake_ns, NextSchedExtLook(now_ns));
          return std::nullopt;
        }
        FlushKernel(guest);
        return outcome;
      };
}

Step On(GuestState& guest, const PollPayload& request) {
  const Result<PayloadProcess*> found = guest.tasks.FindPayload(request.handle);
  if (!found.ok()) return Now(found.error());
  return [&guest, payload = *found, request](std::uint64_t, std::uint64_t&) -> std::optional<Result<>> {
    const std::string name = "payload '" + payload->request().name + "'";
    guest.pid = payload->pid();
    if (!payload->Gone()) {
      if (request.expect_running) return Result<>();
      return Blame(guest, name + " still runs where it should have ended");
    }
    if (!request.expect_running) return Result<>();
    if (!payload->finalised()) return std::nullopt;  // it was not told how it ended yet
    return Blame(guest, name + " should still run, but it " + payload->HowItEnded());
  };
}

Step On(GuestState& guest, const AwaitPayload& request) {
  const Result<PayloadProcess*> found = guest.tasks.FindPayload(request.handle);
  if (!found.ok()) return Now(found.error());
  PayloadProcess* const payload = *found;
  payload->awaited = true;
  const std::uint64_t deadline = MonotonicNs() + request.timeout_ns;
  return [&guest, payload, request, deadline, late = false](
             std::uint64_t now_ns, std::uint64_t& wake_ns) mutable -> std::optional<Result<>> {
    if (!late && !payload->ended() && now_ns >= deadline) {
      late = true;
      payload->Kill(PayloadEnd::kTimedOut, now_ns);
    }
    if (payload->finalised()) {
      if (!late) return Result<>();
      return Blame(guest, "payload '" + payload->request().name + "' was still running after " +
                              FormatDuration(Nanoseconds(static_cast<std::int64_t>(request.timeout_ns))));
    }
    if (!late) wake_ns = std::min(wake_ns, deadline);
    return std::nullopt;
  };
}

Step On(GuestState& guest, const StopPayload& request) {
  const Result<PayloadProcess*> found = guest.tasks.FindPayload(request.handle);
  if (!found.ok()) return Now(found.error());
  PayloadProcess* const payload = *found;
  payload->awaited = true;
  payload->Kill(PayloadEnd::kKilled, MonotonicNs());
  return [payload](std::uint64_t, std::uint64_t&) -> std::optional<Result<>> {
    if (!payload->finalised()) return std::nullopt;
    return Result<>();
  };
}

Step On(GuestState& guest, const MarkPhase& request) {
  FlushKernel(guest);  // what the kernel has said so far belongs to the phase that ends here
  guest.mark = guest.tasks.Mark(request.end || request.opening ? kBetweenPhases : request.phase);
  if (guest.attached && guest.tasks.LongestWaitNs() >= SchedExtDump::kLongWaitNs) {
    guest.dump.Trigger(guest.sched_ext.sysrq);
    FlushKernel(guest);
  }
  return Now({});
}

Step On(GuestState& guest, const SetHoldMark&) {
  guest.hold_mark_ns = MonotonicNs();
  return Now({});
}

Step On(GuestState& guest, const Hold& request) {
  const std::uint64_t from = request.from_mark ? guest.hold_mark_ns : MonotonicNs();
  return [deadline = from + request.duration_ns](std::uint64_t now_ns,
                                                 std::uint64_t& wake_ns) -> std::optional<Result<>> {
    if (now_ns >= deadline) return Result<>();
    wake_ns = std::min(wake_ns, deadline);
    return std::nullopt;
  };
}

Step On(GuestState& guest, const Finish&) {
  if (guest.attached || guest.tasks.HaveScheduler()) {
    TellStopping(guest);
    guest.sched_ext.Disable();  // or what is to end now may never run again
  }
  return
      [&guest, stopping = guest.tasks.StopAll()](std::uint64_t, std::uint64_t&) -> std::optional<Result<>> {
        if (!guest.tasks.Stopped(stopping)) return std::nullopt;
        guest.log.Flush();
        guest.then = GuestState::Then::kEnd;
        return Result<>();
      };
}

}  // namespace

Step BeginRequest(GuestState& guest, const AnyStruct& request) {
  Step step;
  if (VisitAs(Requests(), request, [&](const auto& typed) { step = On(guest, typed); })) return step;
  return Now(Refuse("this guest does not know the request " + std::string(request.decl()->name)));
}

}  // namespace ktstr::guest
