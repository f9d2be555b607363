// CgroupChurn: a thread that moves from cgroup to cgroup.
#include <cerrno>
#include <string>

#include "workloads/worker/churn_cgroups.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct CgroupChurn {
  std::uint64_t groups = 2;
  std::uint64_t cycle_ms = 100;
  static const StructDecl& Decl();
};

const StructDecl& CgroupChurn::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&CgroupChurn::groups>("groups", "The cgroups it makes and goes through.",
                                     Between(1, 64, "cgroups")),
      Optional<&CgroupChurn::cycle_ms>("cycle_ms", "The sleep behind each move.", Between(1, 1e6, "ms")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<CgroupChurn>(
      "CgroupChurn",
      "Makes cgroups of its own below the one that it is in, moves its thread into the next of them, sleeps, "
      "spins 256 times; that is one iteration and 256 work units. They are threaded and have the controller "
      "cpu only: limits, cpuset and memory of its cgroup hold for it wherever it is. At its end it goes back "
      "and removes them.",
      kFields);
  return kDecl;
}

/// Whether a move was refused because the scenario has moved the worker out of the cgroup that these are
/// below, or is removing that.
bool ScenarioMovedIt(int code) { return code == EOPNOTSUPP || code == ENODEV || code == ENOENT; }

void Run(const CgroupChurn& churn, WorkerContext& context) {
  constexpr std::uint64_t kSpins = 256;
  context.CountRefusals(0);
  ChurnCgroups cgroups(churn.groups, context);
  // Workers begin at different ones.
  for (std::uint64_t turn = context.place().index; !context.ShouldStop(); ++turn) {
    const int code = cgroups.Enter(turn % churn.groups);
    if (code != 0) {
      if (!ScenarioMovedIt(code)) context.Fail(cgroups.Describe(turn % churn.groups, code));
      context.CountRefusals(1);
      cgroups.MakeAnew();
    }
    context.SleepFor(churn.cycle_ms * 1'000'000);
    if (context.ShouldStop()) return;
    if (code != 0) continue;
    context.Spin(kSpins);
    context.EndIteration(kSpins);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_cgroup_churn = DeclareWorkType<CgroupChurn, Run>(
    {.needs_cpu_controller = true,
     .refusal = "a move after the scenario has moved the worker elsewhere; it makes new cgroups there"});

}  // namespace ktstr
