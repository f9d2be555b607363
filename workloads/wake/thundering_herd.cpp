// ThunderingHerd: many that sleep until one wakes them all.
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct ThunderingHerd {
  std::uint32_t waiters = 7;
  std::uint64_t batches = 0;
  std::uint64_t inter_batch_ms = 5;
  [[nodiscard]] std::uint32_t GroupSize() const { return waiters + 1; }
  static const StructDecl& Decl();
};

const StructDecl& ThunderingHerd::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&ThunderingHerd::waiters>("waiters", "How many are woken at once.",
                                         Between(1, 1000, "workers")),
      Optional<&ThunderingHerd::batches>("batches", "After so many nobody is woken any more; 0: it goes on.",
                                         Between(0, 1e12)),
      Optional<&ThunderingHerd::inter_batch_ms>("inter_batch_ms", "From one batch to the next.",
                                                Between(0, 1e6, "ms")),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<ThunderingHerd>("ThunderingHerd",
                                    "The first of the group sleeps, then wakes all others through one futex; "
                                    "a wake-up is one iteration and "
                                    "one work unit of each.",
                                    kFields);
  return kDecl;
}

void WakeHerd(const ThunderingHerd& herd, WorkerContext& context) {
  std::atomic<std::uint32_t>& generation = context.GroupWord();
  for (std::uint64_t batch = 0; !context.ShouldStop(); ++batch) {
    if (herd.batches > 0 && batch >= herd.batches) {
      context.SleepFor(3600 * std::uint64_t{1'000'000'000});
      continue;
    }
    const std::uint64_t late = context.SleepFor(herd.inter_batch_ms * 1'000'000);
    if (context.ShouldStop()) return;
    if (herd.inter_batch_ms > 0) context.RecordWake(late);
    for (std::uint32_t waiter = 1; waiter <= herd.waiters; ++waiter) context.NoteWake(waiter);
    generation.fetch_add(1, std::memory_order_release);
    FutexWake(generation, static_cast<int>(herd.waiters));
    context.EndIteration(1);
  }
}

void Run(const ThunderingHerd& herd, WorkerContext& context) {
  if (context.position() == 0) return WakeHerd(herd, context);
  std::uint32_t seen = 0;
  while (context.WaitWhile(context.GroupWord(), seen)) {
    seen = context.GroupWord().load(std::memory_order_acquire);
    context.EndIteration(1);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_thundering_herd = DeclareWorkType<ThunderingHerd, Run>(
    {.group_doc = "1 + waiters",
     .wake_sample = "of the first: how much later than inter_batch_ms it runs again; of the others: from its "
                    "wake-up until they run"});

}  // namespace ktstr
