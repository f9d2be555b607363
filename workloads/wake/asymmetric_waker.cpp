// AsymmetricWaker: a pair of unlike scheduling classes, one of which wakes the other.
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

enum class SchedClass : std::uint8_t { kCfs, kBatch, kIdle, kRt, kDeadline, kExt };
constexpr EnumValue kSchedClasses[] = {
    {"cfs", 0, "SCHED_OTHER."},
    {"batch", 1, "SCHED_BATCH."},
    {"idle", 2, "SCHED_IDLE."},
    {"rt", 3, "SCHED_FIFO 50."},
    {"deadline", 4, "SCHED_DEADLINE: 1 ms in each 10 ms. The worker must be allowed on all CPUs."},
    {"ext", 5, "SCHED_EXT."}};
constexpr EnumDecl DescribeEnum(SchedClass) { return {"SchedClass", kSchedClasses, nullptr, nullptr}; }

struct AsymmetricWaker {
  SchedClass waker_class = SchedClass::kCfs;
  SchedClass wakee_class = SchedClass::kCfs;
  std::uint64_t burst_iters = 1024;
  [[nodiscard]] WorkerRole Role(std::uint32_t position) const;
  static const StructDecl& Decl();
};

WorkerRole AsymmetricWaker::Role(std::uint32_t position) const {
  switch (position == 0 ? waker_class : wakee_class) {
    case SchedClass::kBatch:
      return {.policy = SchedPolicy::kBatch};
    case SchedClass::kIdle:
      return {.policy = SchedPolicy::kIdle};
    case SchedClass::kRt:
      return {.policy = SchedPolicy::kFifo, .rt_priority = 50};
    case SchedClass::kDeadline:
      return {.policy = SchedPolicy::kDeadline, .dl_runtime_ns = 1'000'000, .dl_period_ns = 10'000'000};
    case SchedClass::kExt:
      return {.policy = SchedPolicy::kExt};
    case SchedClass::kCfs:
      break;
  }
  return {.policy = SchedPolicy::kNormal};
}

const StructDecl& AsymmetricWaker::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&AsymmetricWaker::waker_class>("waker_class", "Of the first of the pair."),
      Optional<&AsymmetricWaker::wakee_class>("wakee_class", "Of the second."),
      Optional<&AsymmetricWaker::burst_iters>("burst_iters", "Spins of each in its turn.",
                                              Between(1, 1e9, "spins")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<AsymmetricWaker>(
      "AsymmetricWaker",
      "Pairs: the first spins, wakes the second and waits until that one has spun. Spins are work units.",
      kFields);
  return kDecl;
}

void Run(const AsymmetricWaker& pair, WorkerContext& context) {
  std::atomic<std::uint32_t>& turn = context.GroupWord();  // 0: the waker's
  const std::uint32_t own = context.position();
  while (!context.ShouldStop() && context.WaitWhile(turn, 1 - own)) {
    context.Spin(pair.burst_iters);
    if (own == 0) context.NoteWake(1);
    turn.store(1 - own, std::memory_order_release);
    FutexWake(turn, 1);
    context.EndIteration(pair.burst_iters);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_asymmetric_waker = DeclareWorkType<AsymmetricWaker, Run>(
    {.group_size = 2, .wake_sample = "of the second: from the first's wake-up until it runs"});

}  // namespace ktstr
