// The kernel's sched_ext as its files show it, and how a scheduler is attached to it and detached.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "guest-init/base/result.h"
#include "guest-init/wire/messages.h"

namespace ktstr::guest {

class PayloadProcess;

/// What the kernel says at one moment.
struct SchedExtState {
  std::string state;           // "disabled", "enabling", "enabled", "disabling"; empty: no sched_ext
  std::string ops;             // the attached scheduler's own name
  std::uint64_t attached = 0;  // how many were, since boot
};

/// Where sched_ext is in the file system; tests put other places there.
struct SchedExt {
  std::string files = "/sys/kernel/sched_ext";
  std::string sysrq = "/proc/sysrq-trigger";
  std::string traces = "/sys/kernel/tracing/instances";  // for SchedExtDump

  [[nodiscard]] SchedExtState Look() const;
  /// Has the kernel disable whatever is attached, without its program's help: one that is starved by its own
  /// scheduler could not give it. Does nothing when nothing is.
  void Disable() const;
  [[nodiscard]] SchedulerLook LookAt(std::uint32_t handle, SchedulerMoment moment) const;
};

/// Between two looks at the kernel's state, which tells nobody when it changes.
inline constexpr std::uint64_t kSchedExtPollNs = 2'000'000;
/// When to look again after a look that began at `begun_ns`: PID 1 runs before all others, and must leave
/// them most of a CPU where a look takes long, as it does on the virtual clock.
std::uint64_t NextSchedExtLook(std::uint64_t begun_ns);

/// One attach, from before its program starts to its outcome.
class AttachWait {
 public:
  /// Error (kGuest): "scheduler 'x' cannot be attached: this kernel has no sched_ext", "...: 'y' is
  /// attached".
  static Result<AttachWait> Begin(const SchedExt& sched_ext, const std::string& name, AttachBudget budget,
                                  std::uint64_t now_ns);

  /// nullopt while it is open, and `wake_ns` is lowered to when to look again. OK: the kernel has enabled it,
  /// also when it is disabled again by now, and its program has ended. Errors (kGuest) say what became of it;
  /// the program has ended then. REQUIRES: `program` has started.
  std::optional<Result<>> Look(PayloadProcess& program, std::uint64_t now_ns, std::uint64_t& wake_ns);

 private:
  AttachWait(SchedExt sched_ext, std::string name, AttachBudget budget, std::uint64_t begun_ns,
             std::uint64_t attached_before)
      : sched_ext_(std::move(sched_ext)),
        name_(std::move(name)),
        budget_(budget),
        begun_ns_(begun_ns),
        attached_before_(attached_before) {}
  std::optional<Result<>> GiveUp(PayloadProcess& program, std::uint64_t now_ns, std::string why);

  SchedExt sched_ext_;
  std::string name_;
  AttachBudget budget_;
  std::uint64_t begun_ns_;
  std::uint64_t attached_before_;
  std::string given_up_;  // why; the program is on its way out
};

/// Has the kernel schedule by one that it has built in, or not any more. Errors (kGuest): as
/// AttachWait::Begin; "scheduler 'x' was not attached: writing 'Y' to /sys/...: No such file or directory".
Result<> SwitchBuiltInScheduler(const SchedExt& sched_ext, const SwitchBuiltIn& request);

/// One detach, until sched_ext is disabled and the program has ended.
class DetachWait {
 public:
  /// Has the kernel disable it and tells the program to end.
  DetachWait(SchedExt sched_ext, PayloadProcess& program, std::uint64_t timeout_ns, std::uint64_t now_ns);

  /// As AttachWait::Look. Error (kGuest): "scheduler 'x' is not disabled after 10s: the kernel's state is
  /// 'disabling'".
  std::optional<Result<>> Look(PayloadProcess& program, std::uint64_t now_ns, std::uint64_t& wake_ns);

 private:
  SchedExt sched_ext_;
  std::uint64_t begun_ns_;
  std::uint64_t timeout_ns_;
  std::string late_;  // what was not done in time
};

}  // namespace ktstr::guest
