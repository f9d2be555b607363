// FutexFanOut: one wakes many at once, as fast as it can.
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct FutexFanOut {
  std::uint32_t fan_out = 4;
  std::uint64_t spin_iters = 1024;
  [[nodiscard]] std::uint32_t GroupSize() const { return fan_out + 1; }
  [[nodiscard]] WorkerRole Role(std::uint32_t position) const { return {.messenger = position == 0}; }
  static const StructDecl& Decl();
};

const StructDecl& FutexFanOut::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&FutexFanOut::fan_out>("fan_out", "How many the messenger wakes.",
                                      Between(1, 1000, "workers")),
      Optional<&FutexFanOut::spin_iters>("spin_iters", "Spins of each between two wake-ups.",
                                         Between(1, 1e9, "spins")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<FutexFanOut>(
      "FutexFanOut",
      "A messenger (the first of the group) spins and wakes all others through one futex, waiting for none "
      "of "
      "them; each of those spins and waits for the next time. Spins are work units.",
      kFields);
  return kDecl;
}

void WakeAll(const FutexFanOut& fan, WorkerContext& context) {
  constexpr std::uint64_t kSpinsAfter = 256;
  std::atomic<std::uint32_t>& generation = context.GroupWord();
  while (!context.ShouldStop()) {
    context.Spin(fan.spin_iters);
    for (std::uint32_t receiver = 1; receiver <= fan.fan_out; ++receiver) context.NoteWake(receiver);
    generation.fetch_add(1, std::memory_order_release);
    FutexWake(generation, static_cast<int>(fan.fan_out));
    context.Spin(kSpinsAfter);
    context.EndIteration(fan.spin_iters + kSpinsAfter);
  }
}

void Run(const FutexFanOut& fan, WorkerContext& context) {
  if (context.position() == 0) return WakeAll(fan, context);
  std::uint32_t seen = 0;
  while (context.WaitWhile(context.GroupWord(), seen)) {
    seen = context.GroupWord().load(std::memory_order_acquire);
    context.Spin(fan.spin_iters);
    context.EndIteration(fan.spin_iters);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_futex_fan_out = DeclareWorkType<FutexFanOut, Run>(
    {.group_doc = "1 + fan_out",
     .wake_sample = "of all but the messenger: from the messenger's wake-up until it runs"});

}  // namespace ktstr
