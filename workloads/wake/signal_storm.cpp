// SignalStorm: pairs that send each other signals all the time.
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct SignalStorm {
  std::uint64_t signals_per_iter = 16;
  std::uint64_t work_iters = 1024;
  static const StructDecl& Decl();
};

const StructDecl& SignalStorm::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&SignalStorm::signals_per_iter>("signals_per_iter", "Signals sent in an iteration.",
                                               Between(1, 1e6, "signals")),
      Optional<&SignalStorm::work_iters>("work_iters", "Spins in an iteration.", Between(0, 1e9, "spins")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<SignalStorm>(
      "SignalStorm",
      "Pairs: spin, then send the partner's thread signals (SIGUSR2), which it catches. Each spin and each "
      "signal is a work unit.",
      kFields);
  return kDecl;
}

/// Tells the partner once signals are caught, and waits until the partner does so. False: asked to stop.
bool Prepare(WorkerContext& context) {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  if (sigaction(SIGUSR2, &action, nullptr) != 0) context.FailCall("sigaction(SIGUSR2)");
  context.Member(context.position()).word.store(1, std::memory_order_release);
  FutexWake(context.Member(context.position()).word, 1);
  return context.WaitWhile(context.Member(1 - context.position()).word, 0);
}

void Run(const SignalStorm& storm, WorkerContext& context) {
  if (!Prepare(context)) return;
  const std::int32_t partner = context.Member(1 - context.position()).tid.load();
  while (!context.ShouldStop()) {
    context.Spin(storm.work_iters);
    for (std::uint64_t sent = 1; sent <= storm.signals_per_iter && !context.ShouldStop(); ++sent) {
      if (syscall(SYS_tkill, partner, SIGUSR2) != 0) {
        if (context.ShouldStop()) return;  // the partner has already ended
        context.FailCall("tkill of the partner");
      }
      if (sent % 1024 == 0) context.Work(0);
    }
    if (context.ShouldStop()) return;
    context.EndIteration(storm.work_iters + storm.signals_per_iter);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_signal_storm = DeclareWorkType<SignalStorm, Run>({.group_size = 2});

}  // namespace ktstr
