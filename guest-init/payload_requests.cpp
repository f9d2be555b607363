// The requests that start, ask about and end payloads and schedulers.
#include <algorithm>
#include <utility>

#include "guest-init/base/clock.h"
#include "guest-init/base/units.h"
#include "guest-init/kernel_look.h"
#include "guest-init/request_handlers.h"

namespace ktstr::guest {
namespace {

// How long the end of a scheduler's program may take that has begun.
constexpr std::uint64_t kExitPatienceNs = 2'000'000'000;
// How long the maps of a scheduler that was detached may take to go. Payloads may have made some, too.
constexpr std::uint64_t kMapsPatienceNs = 500'000'000;

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

/// The scheduler is gone and its program is about to be: it ends by itself, which is to be seen before we end
/// it.
bool IsGoing(const GuestState& guest, const PayloadProcess& program) {
  return guest.sched_ext.Look().state != "enabled" && !program.finalised() && IsExiting(program.pid());
}

}  // namespace

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

void TellStopping(GuestState& guest) {
  if (!guest.attached) return;
  SchedulerLook look =
      guest.sched_ext.LookAt(*std::exchange(guest.attached, std::nullopt), SchedulerMoment::kStopping);
  FlushKernel(guest);
  guest.send(AnyStruct::Of(std::move(look)));
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

Step On(GuestState& guest, const SwitchBuiltIn& request) {
  Result<> done = SwitchBuiltInScheduler(guest.sched_ext, request);
  guest.of_payload = !done.ok();
  return Now(std::move(done));
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

}  // namespace ktstr::guest
