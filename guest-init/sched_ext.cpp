#include "guest-init/sched_ext.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "guest-init/base/clock.h"
#include "guest-init/base/fd.h"
#include "guest-init/base/file_io.h"
#include "guest-init/base/units.h"
#include "guest-init/kernel_look.h"
#include "guest-init/payload_process.h"
#include "guest-init/system_error.h"

namespace ktstr::guest {
namespace {

/// How long a program may take to end by itself once its scheduler is disabled and it was asked to.
constexpr std::uint64_t kEndPatienceNs = 2'000'000'000;

/// An error while one is attached, or on its way.
Result<> CheckFree(const SchedExtState& state, const std::string& name) {
  if (state.state.empty() || state.state == "disabled") return {};
  return Error{ErrorKind::kGuest,
               "scheduler '" + name + "' cannot be attached: " +
                   (state.ops.empty() ? "sched_ext is " + state.state : "'" + state.ops + "' is attached")};
}

std::string TimeText(std::uint64_t ns) { return FormatDuration(Nanoseconds(static_cast<std::int64_t>(ns))); }

}  // namespace

std::uint64_t NextSchedExtLook(std::uint64_t begun_ns) {
  constexpr std::uint64_t kLeftToOthers = 20;  // for each part that PID 1 takes
  const std::uint64_t now_ns = MonotonicNs();
  return now_ns + std::max(kSchedExtPollNs, kLeftToOthers * (now_ns - std::min(begun_ns, now_ns)));
}

SchedExtState SchedExt::Look() const {
  SchedExtState look;
  look.state = ReadLine(files + "/state");
  look.ops = ReadLine(files + "/root/ops");
  const std::string count = ReadLine(files + "/enable_seq");
  std::from_chars(count.data(), count.data() + count.size(), look.attached);
  return look;
}

void SchedExt::Disable() const {
  if (Look().state == "disabled") return;
  const Fd trigger(open(sysrq.c_str(), O_WRONLY | O_CLOEXEC));
  // Without it the end of the program disables the scheduler as well.
  if (trigger.valid()) static_cast<void>(WriteAll(trigger.get(), "S"));
}

SchedulerLook SchedExt::LookAt(std::uint32_t handle, SchedulerMoment moment) const {
  const SchedExtState look = Look();
  return {handle, moment, look.state, look.ops, look.attached, MonotonicNs()};
}

Result<AttachWait> AttachWait::Begin(const SchedExt& sched_ext, const std::string& name, AttachBudget budget,
                                     std::uint64_t now_ns) {
  const SchedExtState before = sched_ext.Look();
  if (before.state.empty())
    return Error{ErrorKind::kGuest,
                 "scheduler '" + name + "' cannot be attached: this kernel has no sched_ext"};
  TRY(CheckFree(before, name));
  return AttachWait(sched_ext, name, budget, now_ns, before.attached);
}

std::optional<Result<>> AttachWait::GiveUp(PayloadProcess& program, std::uint64_t now_ns, std::string why) {
  given_up_ = std::move(why);
  program.Kill(PayloadEnd::kTimedOut, now_ns);
  return std::nullopt;
}

std::optional<Result<>> AttachWait::Look(PayloadProcess& program, std::uint64_t now_ns,
                                         std::uint64_t& wake_ns) {
  const auto failed = [&](const std::string& why) {
    return Result<>(Error{ErrorKind::kGuest, "scheduler '" + name_ + "' was not attached: " + why});
  };
  const bool finalised = program.finalised();
  const SchedExtState look = sched_ext_.Look();
  // Also when its program has ended since, which may be because the kernel ejected it.
  if (given_up_.empty() && look.attached != attached_before_) return Result<>();
  if (finalised) return failed(given_up_.empty() ? "it " + program.HowItEnded() : given_up_);
  if (!given_up_.empty() || program.Gone()) return std::nullopt;  // what it said last is still to be read
  const std::string state = "; the kernel's state is '" + look.state + "'";
  const std::uint64_t cpu_ns = CpuTimeNs(program.pid());
  if (cpu_ns >= budget_.cpu_ns)
    return GiveUp(program, now_ns, "it has used " + TimeText(budget_.cpu_ns) + " of CPU time" + state);
  const std::uint64_t deadline = begun_ns_ + budget_.wall_ns;
  if (now_ns >= deadline)
    return GiveUp(program, now_ns,
                  "it took " + TimeText(budget_.wall_ns) + ", in which it used " +
                      TimeText(cpu_ns - cpu_ns % 1'000'000) + " of CPU time" + state);
  wake_ns = std::min({wake_ns, NextSchedExtLook(now_ns), deadline});
  return std::nullopt;
}

Result<> SwitchBuiltInScheduler(const SchedExt& sched_ext, const SwitchBuiltIn& request) {
  if (request.attach) TRY(CheckFree(sched_ext.Look(), request.name));
  for (const KernelFileWrite& write : request.writes) {
    const Fd file(open(write.file.c_str(), O_WRONLY | O_CLOEXEC));
    // As `echo` does it: with the end of the line.
    const int code = file.valid() ? WriteAll(file.get(), write.value + "\n") : errno;
    if (code == 0) continue;
    const std::string what = request.attach ? "attached" : "detached";
    return SystemError("scheduler '" + request.name + "' was not " + what + ": writing '" + write.value +
                           "' to " + write.file,
                       code);
  }
  return {};
}

DetachWait::DetachWait(SchedExt sched_ext, PayloadProcess& program, std::uint64_t timeout_ns,
                       std::uint64_t now_ns)
    : sched_ext_(std::move(sched_ext)), begun_ns_(now_ns), timeout_ns_(timeout_ns) {
  sched_ext_.Disable();
  program.Terminate(PayloadEnd::kKilled);
}

std::optional<Result<>> DetachWait::Look(PayloadProcess& program, std::uint64_t now_ns,
                                         std::uint64_t& wake_ns) {
  const std::string state = sched_ext_.Look().state;
  const bool disabled = state == "disabled";
  if (late_.empty() && !disabled && now_ns >= begun_ns_ + timeout_ns_)
    late_ = "scheduler '" + program.request().name + "' is not disabled after " + TimeText(timeout_ns_) +
            ": the kernel's state is '" + state + "'";
  // Its last words are worth waiting for; not for ever.
  if (!late_.empty() || now_ns >= begun_ns_ + kEndPatienceNs) program.Kill(PayloadEnd::kKilled, now_ns);
  if (program.finalised() && !late_.empty()) return Result<>(Error{ErrorKind::kGuest, late_});
  if (program.finalised() && disabled) return Result<>();
  wake_ns = std::min(wake_ns, NextSchedExtLook(now_ns));
  return std::nullopt;
}

}  // namespace ktstr::guest
