// IdleChurn: CPUs that fall idle and are needed again, all the time.
#include <sys/prctl.h>

#include "guest-init/base/clock.h"
#include "guest-init/base/units.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct IdleChurn {
  Duration burst_duration = Milliseconds(1);
  Duration sleep_duration = Milliseconds(5);
  bool precise_timing = false;
  static const StructDecl& Decl();
};

void CheckIdleChurn(const void* object, RuleSink& sink) {
  const auto& churn = *static_cast<const IdleChurn*>(object);
  if (churn.burst_duration.ns == 0) sink.Diagnose("burst_duration", "must be more than 0s");
  if (churn.sleep_duration.ns == 0) sink.Diagnose("sleep_duration", "must be more than 0s");
}

const StructDecl& IdleChurn::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&IdleChurn::burst_duration>("burst_duration", "How long it spins before it sleeps."),
      Optional<&IdleChurn::sleep_duration>("sleep_duration", "How long it then sleeps."),
      Optional<&IdleChurn::precise_timing>(
          "precise_timing", "Have its timers run to the nanosecond; else the kernel may be 50 us late."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<IdleChurn>(
        "IdleChurn",
        "Spins for a short while, then sleeps, so that its CPU falls idle; one burst and one sleep are one "
        "iteration, 64 spins are 64 work units.",
        kFields);
    decl.rules = &CheckIdleChurn;
    return decl;
  }();
  return kDecl;
}

void Run(const IdleChurn& churn, WorkerContext& context) {
  constexpr std::uint64_t kSpinsAtOnce = 64;
  if (churn.precise_timing && prctl(PR_SET_TIMERSLACK, 1) != 0) context.FailCall("prctl(PR_SET_TIMERSLACK)");
  while (!context.ShouldStop()) {
    const std::uint64_t end = MonotonicNs() + static_cast<std::uint64_t>(churn.burst_duration.ns);
    do {
      context.Spin(kSpinsAtOnce);
      context.Work(kSpinsAtOnce);
    } while (!context.ShouldStop() && MonotonicNs() < end);
    const std::uint64_t late = context.SleepFor(static_cast<std::uint64_t>(churn.sleep_duration.ns));
    if (!context.ShouldStop()) context.RecordWake(late);
    context.EndIteration(0);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_idle_churn =
    DeclareWorkType<IdleChurn, Run>({.wake_sample = "how much later than sleep_duration it runs again"});

}  // namespace ktstr
