// IoSync: writes that have to be on the disk before the worker goes on.
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>

#include "guest-init/base/clock.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

constexpr std::size_t kBlockBytes = 4096;
constexpr std::uint64_t kBlocks = 16;
/// A worker writes round and round in one stripe of the disk, so that neighbours do not meet.
constexpr std::uint64_t kStripes = 64;

struct IoSync {
  static const StructDecl& Decl() {
    static constexpr StructDecl kDecl = DeclareStruct<IoSync>(
        "IoSync",
        "Writes 16 blocks of 4 KiB, one after the other and each waited for (O_SYNC), then "
        "calls fdatasync; that is one iteration, whose whole time is its cost, and 16 work "
        "units.",
        {});
    return kDecl;
  }
};

/// Waits until the block is on the disk.
void WriteBlock(WorkerContext& context, std::uint64_t offset) {
  static const std::array<char, kBlockBytes> kData = [] {
    std::array<char, kBlockBytes> data{};
    data.fill('k');
    return data;
  }();
  const iovec block{const_cast<char*>(kData.data()), kData.size()};
  const std::uint64_t begin = context.BeginBlock();
  const ssize_t written = pwritev2(context.disk(), &block, 1, static_cast<off_t>(offset), RWF_SYNC);
  context.EndBlock(begin);
  if (written < 0) context.FailCall("pwritev2 to the disk");
  if (written != static_cast<ssize_t>(kBlockBytes)) context.Fail("the disk took part of a block only");
}

/// Returns the time blocked in it.
std::uint64_t Flush(WorkerContext& context) {
  const std::uint64_t begin = context.BeginBlock();
  const int flushed = fdatasync(context.disk());
  const std::uint64_t blocked = context.EndBlock(begin);
  if (flushed != 0) context.FailCall("fdatasync of the disk");
  return blocked;
}

void Run(const IoSync&, WorkerContext& context) {
  const auto size = static_cast<std::uint64_t>(lseek(context.disk(), 0, SEEK_END));
  const std::uint64_t stripe = size / kStripes / kBlockBytes * kBlockBytes;
  if (stripe == 0) context.Fail("the disk is too small");
  const std::uint64_t first = context.place().index % kStripes * stripe;
  std::uint64_t at = 0;
  while (!context.ShouldStop()) {
    const std::uint64_t begin = MonotonicNs();
    for (std::uint64_t block = 0; block < kBlocks && !context.ShouldStop(); ++block) {
      WriteBlock(context, first + at);
      at = (at + kBlockBytes) % stripe;
    }
    if (context.ShouldStop()) return;  // part of an iteration says nothing about its cost
    context.RecordWake(Flush(context));
    context.RecordIterationCost(MonotonicNs() - begin);
    context.EndIteration(kBlocks);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_io_sync = DeclareWorkType<IoSync, Run>(
    {.wake_sample = "the time blocked in fdatasync until the disk said that all is written",
     .iteration_cost = "all writes of an iteration and their fdatasync",
     .needs_disk = true});

}  // namespace ktstr
