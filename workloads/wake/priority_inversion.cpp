// PriorityInversion: a lock of a low task that a high one wants, and a middle one that keeps the low one from
// its CPU.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "guest-init/base/clock.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/parking.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

enum class FutexLockMode : std::uint8_t { kPlain, kPi };
constexpr EnumValue kFutexLockModes[] = {
    {"plain", 0, "A lock that knows nothing of priorities."},
    {"pi", 1, "The kernel lends its holder the priority of the highest that waits (FUTEX_LOCK_PI)."}};
constexpr EnumDecl DescribeEnum(FutexLockMode) {
  return {"FutexLockMode", kFutexLockModes, nullptr, nullptr};
}

struct PriorityInversion {
  std::uint32_t high = 1;
  std::uint32_t medium = 1;
  std::uint32_t low = 1;
  std::uint64_t hold_iters = 4096;
  std::uint64_t work_iters = 1024;
  FutexLockMode pi_mode = FutexLockMode::kPlain;

  [[nodiscard]] std::uint32_t GroupSize() const { return high + medium + low; }
  [[nodiscard]] bool IsHigh(std::uint32_t position) const { return position < high; }
  [[nodiscard]] bool IsMedium(std::uint32_t position) const {
    return !IsHigh(position) && position < high + medium;
  }
  [[nodiscard]] WorkerRole Role(std::uint32_t position) const {
    return {.policy = SchedPolicy::kFifo,
            .rt_priority = IsHigh(position) ? 70U : (IsMedium(position) ? 50U : 30U)};
  }
  static const StructDecl& Decl();
};

const StructDecl& PriorityInversion::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&PriorityInversion::high>("high", "How many at FIFO 70 want the lock.",
                                         Between(1, 100, "workers")),
      Optional<&PriorityInversion::medium>("medium", "How many at FIFO 50 never do.",
                                           Between(1, 100, "workers")),
      Optional<&PriorityInversion::low>("low", "How many at FIFO 30 do.", Between(1, 100, "workers")),
      Optional<&PriorityInversion::hold_iters>("hold_iters", "Spins of a low one with the lock.",
                                               Between(1, 1e9, "spins")),
      Optional<&PriorityInversion::work_iters>("work_iters", "Spins of a high one with the lock.",
                                               Between(1, 1e9, "spins")),
      Optional<&PriorityInversion::pi_mode>("pi_mode", "What the lock does about it."),
  };
  static constexpr StructDecl kDecl = DeclareStruct<PriorityInversion>(
      "PriorityInversion",
      "The high and the low ones of a group take its lock, spin with it and sleep for 1 ms; the medium ones "
      "spin 16 times as long as a low one holds the lock, and sleep for 1 ms. On one CPU (affinity) a high "
      "one "
      "waits for a medium one, unless pi_mode is pi. Spins are work units.",
      kFields);
  return kDecl;
}

constexpr std::uint64_t kInversionPauseNs = 1'000'000;

/// The kernel's own lock, in the group's word.
class PiLock {
 public:
  explicit PiLock(WorkerContext& context) : context_(context), tid_(static_cast<std::uint32_t>(gettid())) {}

  /// False: asked to stop instead.
  bool Lock() {
    std::uint32_t free = 0;
    if (context_.GroupWord().compare_exchange_strong(free, tid_)) return true;
    const std::uint64_t begin = context_.BeginBlock();
    bool locked = false;
    while (!locked && !context_.ShouldStop()) {
      const std::uint64_t until = MonotonicNs() + kStopPollNs;
      const timespec deadline{static_cast<time_t>(until / 1'000'000'000),
                              static_cast<long>(until % 1'000'000'000)};
      locked = Call(FUTEX_LOCK_PI2, &deadline) == 0;
      const int code = errno;
      if (locked || code == ETIMEDOUT || code == EINTR || code == EAGAIN) continue;
      context_.EndBlock(begin);
      errno = code;
      context_.FailCall("futex(FUTEX_LOCK_PI2)");
    }
    context_.EndBlock(begin);
    return locked;
  }
  void Unlock() {
    std::uint32_t own = tid_;
    if (context_.GroupWord().compare_exchange_strong(own, 0)) return;
    if (Call(FUTEX_UNLOCK_PI, nullptr) != 0) context_.FailCall("futex(FUTEX_UNLOCK_PI)");
  }

 private:
  long Call(int operation, const timespec* deadline) {
    return syscall(SYS_futex, &context_.GroupWord(), operation, 0, deadline, nullptr, 0);
  }

  WorkerContext& context_;
  std::uint32_t tid_;
};

template <typename Lock>
void TakeTurns(const PriorityInversion& inversion, WorkerContext& context) {
  Lock lock(context);
  const bool high = inversion.IsHigh(context.position());
  const std::uint64_t spins = high ? inversion.work_iters : inversion.hold_iters;
  while (!context.ShouldStop()) {
    const std::uint64_t begin = MonotonicNs();
    if (!lock.Lock()) return;
    if (high) context.RecordIterationCost(MonotonicNs() - begin);
    context.Spin(spins);
    lock.Unlock();
    context.EndIteration(spins);
    context.SleepFor(kInversionPauseNs);
  }
}

void Run(const PriorityInversion& inversion, WorkerContext& context) {
  if (!inversion.IsMedium(context.position()))
    return inversion.pi_mode == FutexLockMode::kPi ? TakeTurns<PiLock>(inversion, context)
                                                   : TakeTurns<ParkingLock>(inversion, context);
  while (!context.ShouldStop()) {
    context.Spin(16 * inversion.hold_iters);
    context.EndIteration(16 * inversion.hold_iters);
    context.SleepFor(kInversionPauseNs);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_priority_inversion = DeclareWorkType<PriorityInversion, Run>(
    {.group_doc = "high + medium + low",
     .wake_sample = "of waits for a plain lock: from being woken by the one that gave it up until it runs",
     .iteration_cost = "of the high ones: from wanting the lock until having it"});

}  // namespace ktstr
