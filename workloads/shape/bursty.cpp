// Bursty: work and sleep in turns, by the clock.
#include "guest-init/base/clock.h"
#include "guest-init/base/units.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct Bursty {
  Duration burst_duration = Milliseconds(50);
  Duration sleep_duration = Milliseconds(100);
  static const StructDecl& Decl();
};

void CheckBursty(const void* object, RuleSink& sink) {
  const auto& bursty = *static_cast<const Bursty*>(object);
  if (bursty.burst_duration.ns == 0) sink.Diagnose("burst_duration", "must be more than 0s");
  if (bursty.sleep_duration.ns == 0) sink.Diagnose("sleep_duration", "must be more than 0s");
}

const StructDecl& Bursty::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&Bursty::burst_duration>("burst_duration", "How long it spins before it sleeps."),
      Optional<&Bursty::sleep_duration>("sleep_duration", "How long it then sleeps."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<Bursty>("Bursty",
                                            "Spins for a while, then sleeps; one burst and one sleep are one "
                                            "iteration, 1024 spins are 1024 work units.",
                                            kFields);
    decl.rules = &CheckBursty;
    return decl;
  }();
  return kDecl;
}

void Run(const Bursty& bursty, WorkerContext& context) {
  while (!context.ShouldStop()) {
    const std::uint64_t end = MonotonicNs() + static_cast<std::uint64_t>(bursty.burst_duration.ns);
    do {
      context.Spin(1024);
      context.Work(1024);
    } while (!context.ShouldStop() && MonotonicNs() < end);
    const std::uint64_t late = context.SleepFor(static_cast<std::uint64_t>(bursty.sleep_duration.ns));
    // A sleep cut short by the end of the run says nothing about wake-ups.
    if (!context.ShouldStop()) context.RecordWake(late);
    context.EndIteration(0);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_bursty =
    DeclareWorkType<Bursty, Run>({.wake_sample = "how much later than sleep_duration it runs again"});

}  // namespace ktstr
