// NumaWorkingSetSweep: a working set that moves from node to node.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/nodes.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct NumaWorkingSetSweep {
  std::uint64_t region_kib = 4096;
  std::uint64_t sweep_period_ms = 100;
  std::vector<std::uint32_t> target_nodes;
  static const StructDecl& Decl();
};

const StructDecl& NumaWorkingSetSweep::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&NumaWorkingSetSweep::region_kib>("region_kib", "The working set.",
                                                 Between(1, 1 << 24, "KiB")),
      Optional<&NumaWorkingSetSweep::sweep_period_ms>("sweep_period_ms", "The sleep behind each sweep.",
                                                      Between(0, 1e6, "ms")),
      Optional<&NumaWorkingSetSweep::target_nodes>(
          "target_nodes", "The nodes that it goes to, in turn; none: all that are online.", Between(0, 1023)),
  };
  static constexpr StructDecl kDecl = DeclareStruct<NumaWorkingSetSweep>(
      "NumaWorkingSetSweep",
      "Binds its working set to the next node, touches each page of it, sleeps; that is one iteration, each "
      "page a work unit. Of numa_pages only this working set counts.",
      kFields);
  return kDecl;
}

void Run(const NumaWorkingSetSweep& sweep, WorkerContext& context) {
  const std::vector<std::uint32_t> nodes = sweep.target_nodes.empty() ? OnlineNodes() : sweep.target_nodes;
  if (nodes.empty()) context.Fail("this kernel lists no NUMA nodes in /sys/devices/system/node");
  const auto page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::uint64_t bytes = std::max(sweep.region_kib * 1024 / page_bytes, std::uint64_t{1}) * page_bytes;
  void* const region = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (region == MAP_FAILED) context.FailCall("mmap of " + std::to_string(sweep.region_kib) + " KiB");
  context.CountPagesOf(region);
  // Workers begin at different nodes.
  for (std::uint64_t turn = context.place().index; !context.ShouldStop(); ++turn) {
    const std::uint32_t node = nodes[turn % nodes.size()];
    if (!BindToNode(region, bytes, node)) context.FailCall("mbind to node " + std::to_string(node));
    for (std::uint64_t at = 0; at < bytes && !context.ShouldStop(); at += page_bytes) {
      static_cast<volatile char*>(region)[at] = 1;
      context.Work(1);
    }
    const std::uint64_t late = context.SleepFor(sweep.sweep_period_ms * 1'000'000);
    if (context.ShouldStop()) return;  // its pages are counted where they are now
    if (sweep.sweep_period_ms > 0) context.RecordWake(late);
    context.EndIteration(0);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_numa_working_set_sweep = DeclareWorkType<NumaWorkingSetSweep, Run>(
    {.wake_sample = "how much later than sweep_period_ms it runs again"});

}  // namespace ktstr
