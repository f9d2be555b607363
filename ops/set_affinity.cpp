// SetAffinity: live workers are bound to other CPUs.
#include "ops/workers_fields.h"

namespace ktstr {
namespace {

struct Args {
  std::optional<std::string> cgroup;
  std::optional<std::string> group;
  Affinity affinity;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr auto kFields =
      JoinFields(kWorkersFields<Args>, std::array{Required<&Args::affinity>("affinity", "The CPUs.")});
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "SetAffinity",
      "Binds live workers, all their threads, to CPUs (sched_setaffinity), within their cgroup's at this "
      "point. `inherit` lifts an earlier mask. With `random` each worker draws anew. It holds until the next "
      "one; workers that are started later have that of their `work:`.",
      kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  CgroupState* const cgroup = args.cgroup ? context.state().LiveCgroup(*args.cgroup) : nullptr;
  const std::vector<GroupState*> groups = context.UseWorkers(args.cgroup, args.group);
  const std::optional<TaskCpus> cpus = context.ResolveAffinity("affinity", args.affinity, cgroup);
  if (!cpus) return;
  AdjustWorkers change;
  change.cpus = cpus->cpus.empty() ? TaskCpus{vmm::AllCpus(context.topology()).cpus} : *cpus;
  const std::string drawn =
      cpus->random_count > 0 ? std::to_string(cpus->random_count) + " out of " : std::string();
  context.AdjustWorkers(groups, std::move(change), "SetAffinity",
                        cpus->cpus.empty() ? "inherit" : drawn + FormatCpus({cpus->cpus}));
}

}  // namespace

extern constexpr OpDecl op_set_affinity = DeclareOp<Args, Plan>();

}  // namespace ktstr
