// NiceSweep: a task whose nice value changes all the time.
#include <sys/resource.h>

#include <cerrno>

#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/timed_yield.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct NiceSweep {
  static const StructDecl& Decl() {
    static constexpr StructDecl kDecl =
        DeclareStruct<NiceSweep>("NiceSweep",
                                 "Spins 512 times, takes the next nice value from -20 to 19, yields; that is "
                                 "one iteration and 512 work "
                                 "units. A worker that may not (another `uid`) is an ERROR.",
                                 {});
    return kDecl;
  }
};

void Run(const NiceSweep&, WorkerContext& context) {
  constexpr std::uint64_t kSpins = 512;
  constexpr int kFirst = -20;
  constexpr int kLast = 19;
  errno = 0;
  const int before = getpriority(PRIO_PROCESS, 0);
  if (before == -1 && errno != 0) context.FailCall("getpriority");
  for (int nice = kFirst; !context.ShouldStop(); nice = nice < kLast ? nice + 1 : kFirst) {
    context.Spin(kSpins);
    if (setpriority(PRIO_PROCESS, 0, nice) != 0) context.FailCall("setpriority to " + std::to_string(nice));
    TimedYield(context);
    context.EndIteration(kSpins);
  }
  setpriority(PRIO_PROCESS, 0, before);
}

}  // namespace

extern constexpr WorkTypeDecl work_type_nice_sweep =
    DeclareWorkType<NiceSweep, Run>({.wake_sample = kYieldSample});

}  // namespace ktstr
