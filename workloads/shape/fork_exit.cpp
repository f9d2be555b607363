// ForkExit: processes that are born and die all the time.
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "guest-init/base/clock.h"
#include "guest-init/base/fd.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct ForkExit {
  static const StructDecl& Decl() {
    static constexpr StructDecl kDecl =
        DeclareStruct<ForkExit>("ForkExit",
                                "Forks a child that exits at once, and reaps it; that is one iteration, "
                                "whose whole time is its cost, "
                                "and one work unit. A child that gets no CPU is a gap of its parent's.",
                                {});
    return kDecl;
  }
};

/// Waits until the child can be reaped. False: asked to stop instead.
bool AwaitDeath(pid_t child, WorkerContext& context) {
  const Fd death(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
  if (!death.valid()) context.FailCall("pidfd_open of the child");
  pollfd ended{death.get(), POLLIN, 0};
  // No block by its own wish, as what the child does is its work.
  while (!context.ShouldStop())
    if (poll(&ended, 1, static_cast<int>(kStopPollNs / 1'000'000)) > 0) return true;
  return false;
}

void Run(const ForkExit&, WorkerContext& context) {
  std::atomic<std::uint64_t>& exiting_ns = context.Member(context.position()).woken_ns;
  while (!context.ShouldStop()) {
    const std::uint64_t begin = MonotonicNs();
    const pid_t child = fork();
    if (child == 0) {
      exiting_ns.store(MonotonicNs());
      _exit(0);
    }
    if (child < 0) context.FailCall("fork");
    if (!AwaitDeath(child, context)) return;  // it dies with the worker's process group
    if (waitpid(child, nullptr, 0) != child) context.FailCall("waitpid");
    const std::uint64_t end = MonotonicNs();
    context.RecordWake(end - std::min(exiting_ns.load(), end));
    context.RecordIterationCost(end - begin);
    context.EndIteration(1);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_fork_exit = DeclareWorkType<ForkExit, Run>(
    {.wake_sample = "from the child's exit until the parent has reaped it",
     .iteration_cost = "from fork until the child is reaped, its wait for a CPU included"});

}  // namespace ktstr
