// CachePressure: a working set of a given size, changed again and again.
#include "workloads/worker/cache_buffer.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct CachePressure {
  std::uint64_t size_kib = 32;
  std::uint64_t stride = 64;
  static const StructDecl& Decl();
};

const StructDecl& CachePressure::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&CachePressure::size_kib>("size_kib", "The working set.", Between(1, 1 << 20, "KiB")),
      Optional<&CachePressure::stride>("stride", "From one byte that is changed to the next.",
                                       Between(1, 1 << 20, "bytes")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<CachePressure>(
      "CachePressure",
      "Reads, changes and writes back bytes of its working set; 1024 of them are one iteration and 1024 work "
      "units.",
      kFields);
  return kDecl;
}

void Run(const CachePressure& pressure, WorkerContext& context) {
  CacheBuffer buffer(pressure.size_kib, pressure.stride);
  while (!context.ShouldStop()) {
    buffer.Touch(kTouchesAtOnce);
    context.EndIteration(kTouchesAtOnce);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_cache_pressure = DeclareWorkType<CachePressure, Run>();

}  // namespace ktstr
