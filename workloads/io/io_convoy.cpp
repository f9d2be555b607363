// IoConvoy: reads and writes of many workers that queue up behind each other's flushes.
#include "guest-init/base/clock.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/direct_disk.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct IoConvoy {
  static const StructDecl& Decl() {
    static constexpr StructDecl kDecl = DeclareStruct<IoConvoy>(
        "IoConvoy",
        "Writes the next block of 4 KiB, reads one from a random place, both past the page cache, and with "
        "each 16th pair calls fdatasync; that is one iteration, whose time is its cost, and two work units.",
        {});
    return kDecl;
  }
};

void Run(const IoConvoy&, WorkerContext& context) {
  constexpr std::uint64_t kPairsPerFlush = 16;
  DirectDisk disk(context);
  for (std::uint64_t pair = 0; !context.ShouldStop(); ++pair) {
    const std::uint64_t begin = MonotonicNs();
    disk.Write(disk.own_stripe() + pair % disk.stripe_blocks());
    disk.Read(context.rng().Next() % disk.blocks());
    if (pair % kPairsPerFlush == 0) disk.Flush();
    const std::uint64_t took = MonotonicNs() - begin;
    context.RecordWake(took);
    context.RecordIterationCost(took);
    context.EndIteration(2);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_io_convoy =
    DeclareWorkType<IoConvoy, Run>({.wake_sample = "the time of a pair and its flush, the disk's included",
                                    .iteration_cost = "a pair, in each 16th with a flush",
                                    .needs_disk = true});

}  // namespace ktstr
