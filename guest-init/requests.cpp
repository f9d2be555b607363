#include "guest-init/requests.h"

#include <memory>

#include "guest-init/base/clock.h"
#include "guest-init/base/file_io.h"
#include "guest-init/base/units.h"
#include "guest-init/file_reading.h"
#include "guest-init/machine_pause.h"
#include "guest-init/provision.h"
#include "guest-init/request_handlers.h"

namespace ktstr::guest {
namespace {

// Between two looks at a cgroup whose tasks were killed.
constexpr std::uint64_t kPopulatedPollNs = 2'000'000;
constexpr std::uint64_t kPopulatedPatienceNs = 1'000'000'000;
// Between two looks at a cgroup that is being frozen or thawed, and how long that may take.
constexpr std::uint64_t kFreezePollNs = 1'000'000;
constexpr std::uint64_t kFreezePatienceNs = 5'000'000'000;
constexpr const char* kClockSource = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
// How long started workers are waited for until they have set themselves up.
constexpr std::uint64_t kSetUpPatienceNs = 100'000'000;
constexpr std::uint64_t kSettlePollNs = 50'000'000;
constexpr std::uint64_t kSettlePatienceNs = 5'000'000'000;

// ---- one function per request ------------------------------------------------------------------------

Step On(GuestState& guest, const EnableControllers& request) {
  return Now(guest.tree.EnableControllers(request.controllers, request.nested));
}

Step On(GuestState& guest, const CreateCgroup& request) {
  const std::uint64_t now_ns = MonotonicNs();  // what the kernel counts begins no earlier
  Result<> created = guest.tree.CreateCgroup(request.cgroup);
  if (created.ok()) guest.ledger.Open(request.cgroup, now_ns);
  return Now(std::move(created));
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
    CgroupFigures last = guest.ledger.Close(cgroup, now_ns);
    if (!last.cgroup.empty()) guest.send(AnyStruct::Of(std::move(last)));
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

Step On(GuestState& guest, const MarkPhase& request) {
  FlushKernel(guest);  // what the kernel has said so far belongs to the phase that ends here
  const std::uint32_t phase = request.end || request.opening ? kBetweenPhases : request.phase;
  guest.mark = guest.tasks.Mark(phase);
  for (CgroupFigures& figures : guest.ledger.Turn(phase, guest.mark->clock_ns))
    guest.send(AnyStruct::Of(std::move(figures)));
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
