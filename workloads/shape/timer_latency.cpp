// TimerLatency: how late a task runs that is to run at fixed moments.
#include <sys/prctl.h>

#include "guest-init/base/clock.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct TimerLatency {
  std::uint64_t interval_us = 1000;
  static const StructDecl& Decl();
};

const StructDecl& TimerLatency::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&TimerLatency::interval_us>("interval_us", "From one moment to the next.",
                                           Between(1, 1e9, "us")),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<TimerLatency>("TimerLatency",
                                  "Sleeps until fixed moments, an interval apart, with timers to the "
                                  "nanosecond. A moment is one iteration "
                                  "and one work unit; those that it slept through are measured, too.",
                                  kFields);
  return kDecl;
}

void Run(const TimerLatency& timer, WorkerContext& context) {
  if (prctl(PR_SET_TIMERSLACK, 1) != 0) context.FailCall("prctl(PR_SET_TIMERSLACK)");
  const std::uint64_t interval = timer.interval_us * 1000;
  for (std::uint64_t next = MonotonicNs() + interval;; next += interval) {
    const std::uint64_t late = context.SleepUntil(next);
    if (context.ShouldStop()) return;
    context.RecordTimer(late);
    context.EndIteration(1);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_timer_latency =
    DeclareWorkType<TimerLatency, Run>({.timer_sample = "how much later than each moment it runs"});

}  // namespace ktstr
