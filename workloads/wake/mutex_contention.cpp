// MutexContention: many that want one lock.
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/parking.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct MutexContention {
  std::uint32_t contenders = 4;
  std::uint64_t hold_iters = 256;
  std::uint64_t work_iters = 1024;
  [[nodiscard]] std::uint32_t GroupSize() const { return contenders; }
  static const StructDecl& Decl();
};

const StructDecl& MutexContention::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&MutexContention::contenders>("contenders", "How many want the lock.",
                                             Between(1, 1000, "workers")),
      Optional<&MutexContention::hold_iters>("hold_iters", "Spins with the lock.", Between(1, 1e9, "spins")),
      Optional<&MutexContention::work_iters>("work_iters", "Spins without it.", Between(0, 1e9, "spins")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<MutexContention>(
      "MutexContention",
      "Spins, takes the group's lock (on a futex where it is taken), spins with it, gives it up, which wakes "
      "one that waits. Spins are work units.",
      kFields);
  return kDecl;
}

void Run(const MutexContention& contention, WorkerContext& context) {
  ParkingLock lock(context);
  while (!context.ShouldStop()) {
    context.Spin(contention.work_iters);
    if (!lock.Lock()) return;
    context.Spin(contention.hold_iters);
    lock.Unlock();
    context.EndIteration(contention.work_iters + contention.hold_iters);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_mutex_contention = DeclareWorkType<MutexContention, Run>(
    {.group_doc = "contenders",
     .wake_sample = "of each wait for the lock: from being woken by the one that gave it up until it runs"});

}  // namespace ktstr
