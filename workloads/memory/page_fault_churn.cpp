// PageFaultChurn: memory that is faulted in and given back, again and again.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct PageFaultChurn {
  std::uint64_t region_kib = 4096;
  std::uint64_t touches_per_cycle = 256;
  std::uint64_t spin_iters = 64;
  static const StructDecl& Decl();
};

const StructDecl& PageFaultChurn::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&PageFaultChurn::region_kib>("region_kib", "The memory that is used.",
                                            Between(1, 1 << 24, "KiB")),
      Optional<&PageFaultChurn::touches_per_cycle>(
          "touches_per_cycle", "Writes to pages chosen at random before all are given back.",
          Between(1, 1e6, "writes")),
      Optional<&PageFaultChurn::spin_iters>("spin_iters", "Spins between two cycles.",
                                            Between(0, 1e9, "spins")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<PageFaultChurn>(
      "PageFaultChurn",
      "Writes to random pages of a region, gives them all back to the kernel, spins; that is one iteration, "
      "each write and each spin a work unit.",
      kFields);
  return kDecl;
}

void Run(const PageFaultChurn& churn, WorkerContext& context) {
  const auto page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::uint64_t pages = std::max<std::uint64_t>(churn.region_kib * 1024 / page_bytes, 1);
  void* const region =
      mmap(nullptr, pages * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (region == MAP_FAILED) context.FailCall("mmap of " + std::to_string(churn.region_kib) + " KiB");
  // A fault each, not one for 512 pages. EINVAL: a kernel without huge pages.
  if (madvise(region, pages * page_bytes, MADV_NOHUGEPAGE) != 0 && errno != EINVAL)
    context.FailCall("madvise(MADV_NOHUGEPAGE)");
  auto* const bytes = static_cast<volatile char*>(region);
  while (!context.ShouldStop()) {
    for (std::uint64_t i = 1; i <= churn.touches_per_cycle; ++i) {
      bytes[context.rng().Next() % pages * page_bytes] = 1;
      if (i % 1024 == 0) context.Work(0);
    }
    if (madvise(region, pages * page_bytes, MADV_DONTNEED) != 0) context.FailCall("madvise(MADV_DONTNEED)");
    context.Spin(churn.spin_iters);
    context.EndIteration(churn.touches_per_cycle + churn.spin_iters);
  }
  munmap(region, pages * page_bytes);
}

}  // namespace

extern constexpr WorkTypeDecl work_type_page_fault_churn = DeclareWorkType<PageFaultChurn, Run>();

}  // namespace ktstr
