// IoRandRead: reads that have to come from the disk.
#include "guest-init/base/clock.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/direct_disk.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct IoRandRead {
  static const StructDecl& Decl() {
    static constexpr StructDecl kDecl = DeclareStruct<IoRandRead>(
        "IoRandRead",
        "Reads a block of 4 KiB from a random place of the disk, past the page cache; that is one iteration, "
        "whose time is its cost, and one work unit.",
        {});
    return kDecl;
  }
};

void Run(const IoRandRead&, WorkerContext& context) {
  DirectDisk disk(context);
  while (!context.ShouldStop()) {
    const std::uint64_t block = context.rng().Next() % disk.blocks();
    const std::uint64_t begin = MonotonicNs();
    disk.Read(block);
    const std::uint64_t took = MonotonicNs() - begin;
    context.RecordWake(took);
    context.RecordIterationCost(took);
    context.EndIteration(1);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_io_rand_read =
    DeclareWorkType<IoRandRead, Run>({.wake_sample = "the time of a pread, the disk's included",
                                      .iteration_cost = "a pread",
                                      .needs_disk = true});

}  // namespace ktstr
