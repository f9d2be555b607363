// CachePipe: pairs that wake each other through pipes and use their caches in between.
#include "workloads/worker/cache_buffer.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct CachePipe {
  std::uint64_t size_kib = 32;
  std::uint64_t burst_iters = 1024;
  static const StructDecl& Decl();
};

const StructDecl& CachePipe::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&CachePipe::size_kib>("size_kib", "The working set.", Between(1, 1 << 20, "KiB")),
      Optional<&CachePipe::burst_iters>(
          "burst_iters", "Bytes changed before each exchange, a line apart; they are its work units.",
          Between(1, 1e9, "bytes")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<CachePipe>(
      "CachePipe",
      "Pairs: change bytes of a working set, write one byte to the partner, wait for the partner's byte.",
      kFields);
  return kDecl;
}

void Run(const CachePipe& cache_pipe, WorkerContext& context) {
  CacheBuffer buffer(cache_pipe.size_kib, 64);
  while (!context.ShouldStop()) {
    buffer.TouchInPieces(cache_pipe.burst_iters, context);
    context.Send(1 - context.position());  // never blocks: at most one byte of each partner is under way
    if (!context.Receive()) break;
    context.EndIteration(cache_pipe.burst_iters);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_cache_pipe =
    DeclareWorkType<CachePipe, Run>({.group_size = 2,
                                     .wake_sample = "from the partner's write until it runs",
                                     .channel = GroupChannel::kPipes});

}  // namespace ktstr
