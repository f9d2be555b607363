// CacheYield: a working set that others get a chance to push out of the cache.
#include "workloads/worker/cache_buffer.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/timed_yield.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct CacheYield {
  std::uint64_t size_kib = 32;
  std::uint64_t stride = 64;
  static const StructDecl& Decl();
};

const StructDecl& CacheYield::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&CacheYield::size_kib>("size_kib", "The working set.", Between(1, 1 << 20, "KiB")),
      Optional<&CacheYield::stride>("stride", "From one byte that is changed to the next.",
                                    Between(1, 1 << 20, "bytes")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<CacheYield>(
      "CacheYield",
      "Changes 1024 bytes of its working set, then yields; that is one iteration and 1024 work units.",
      kFields);
  return kDecl;
}

void Run(const CacheYield& cache_yield, WorkerContext& context) {
  CacheBuffer buffer(cache_yield.size_kib, cache_yield.stride);
  while (!context.ShouldStop()) {
    buffer.Touch(kTouchesAtOnce);
    TimedYield(context);
    context.EndIteration(kTouchesAtOnce);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_cache_yield =
    DeclareWorkType<CacheYield, Run>({.wake_sample = kYieldSample});

}  // namespace ktstr
