// NumaMigrationChurn: a task that moves from node to node.
#include <algorithm>
#include <cerrno>
#include <iterator>

#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/nodes.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct NumaMigrationChurn {
  std::uint64_t period_ms = 100;
  static const StructDecl& Decl();
};

const StructDecl& NumaMigrationChurn::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&NumaMigrationChurn::period_ms>("period_ms", "The sleep behind each move.",
                                               Between(1, 1e6, "ms")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<NumaMigrationChurn>(
      "NumaMigrationChurn",
      "Binds itself to the CPUs of the next NUMA node, as far as it may use them, sleeps, spins 256 times; "
      "that is one iteration and 256 work units.",
      kFields);
  return kDecl;
}

/// Of each online node the CPUs that the worker may use; nodes without any are left out.
std::vector<std::vector<std::uint32_t>> NodesOfOwnCpus(WorkerContext& context) {
  std::vector<std::uint32_t> own;
  if (!ReadOwnCpus(own)) context.FailCall("sched_getaffinity");
  std::vector<std::vector<std::uint32_t>> nodes;
  for (const std::uint32_t node : OnlineNodes()) {
    const std::vector<std::uint32_t> all = CpusOfNode(node);
    std::vector<std::uint32_t> both;
    std::set_intersection(all.begin(), all.end(), own.begin(), own.end(), std::back_inserter(both));
    if (!both.empty()) nodes.push_back(std::move(both));
  }
  return nodes;
}

void Run(const NumaMigrationChurn& churn, WorkerContext& context) {
  constexpr std::uint64_t kSpins = 256;
  const std::vector<std::vector<std::uint32_t>> nodes = NodesOfOwnCpus(context);
  if (nodes.empty()) context.Fail("this kernel lists no NUMA nodes in /sys/devices/system/node");
  // Workers begin at different nodes.
  for (std::uint64_t turn = context.place().index; !context.ShouldStop(); ++turn) {
    // EINVAL: its cgroup has lost the node's CPUs meanwhile. Then it stays where it is, which is no work.
    const bool moved = SetCpus(nodes[turn % nodes.size()]);
    if (!moved && errno != EINVAL) context.FailCall("sched_setaffinity to a node's CPUs");
    context.SleepFor(churn.period_ms * 1'000'000);
    if (context.ShouldStop()) return;
    if (!moved) continue;
    context.Spin(kSpins);
    context.EndIteration(kSpins);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_numa_migration_churn = DeclareWorkType<NumaMigrationChurn, Run>();

}  // namespace ktstr
