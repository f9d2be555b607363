#include "vmm/introspection/kernel/guest_kernel.h"

#include <utility>

#include "vmm/introspection/memory/linear_windows.h"

namespace ktstr::vmm {
namespace {

/// The registers of a guest that runs are not of one moment, and a process's page tables may go between two
/// looks.
constexpr int kAttempts = 8;
constexpr std::chrono::seconds kRegistersTimeout{10};

Result<FoundKernel> Find(Machine& machine, PhysicalMemory& memory, const Ready& claims, KernelBuild& build) {
  for (int attempt = 1;; ++attempt) {
    const std::vector<CpuRegisters> registers = TRY(ReadRegisters(machine, After(kRegistersTimeout)));
    Result<FoundKernel> found = FindKernel(memory, registers, claims, build);
    if (found.ok() || attempt == kAttempts || !machine.running()) return found;
  }
}

}  // namespace

KernelFactsCache::Known KernelFactsCache::OfBoot(const std::string& boot_id) const {
  const std::lock_guard lock(mutex_);
  const auto known = boots_.find(boot_id);
  return known == boots_.end() ? Known{} : known->second;
}

void KernelFactsCache::KeepBoot(const std::string& boot_id, Known known) {
  const std::lock_guard lock(mutex_);
  if (!boot_id.empty()) boots_[boot_id] = std::move(known);
}

KernelBuild KernelFactsCache::OfBuild(const std::string& build_id) const {
  const std::lock_guard lock(mutex_);
  const auto known = builds_.find(build_id);
  return known == builds_.end() ? KernelBuild{} : known->second;
}

void KernelFactsCache::KeepBuild(const std::string& build_id, KernelBuild build) {
  const std::lock_guard lock(mutex_);
  if (!build_id.empty()) builds_[build_id] = std::move(build);
}

Result<std::unique_ptr<GuestKernel>> GuestKernel::Open(Machine& machine, const Ready& claims,
                                                       const Kernel& kernel, KernelFactsCache& cache,
                                                       const FetchKallsyms& fetch, Learned learned) {
  std::unique_ptr<GuestMemory> memory = TRY(GuestMemory::Open(machine));
  KernelFactsCache::Known known = cache.OfBoot(claims.boot_id);
  if (known.facts != nullptr) {
    AddressSpace space(*memory, known.root);
    const bool fits =
        BannerFits(KernelView(*known.facts, space)) && WindowsHold(*memory, known.root, known.windows);
    if (!fits) known.facts = nullptr;
  }
  if (known.facts == nullptr) {
    KernelBuild build = cache.OfBuild(claims.kernel_build_id);
    if (build.symbols == nullptr) build = TRY(FindSymbols(kernel, claims, fetch));
    FoundKernel found = TRY(Find(machine, *memory, claims, build));
    if (learned == Learned::kForAll) {
      KeepSymbols(kernel, claims, build);
      cache.KeepBuild(claims.kernel_build_id, std::move(build));
    }
    std::vector<LinearWindow> windows = FindLinearWindows(*memory, found.root, found.facts);
    known = {found.root, std::make_shared<const KernelFacts>(std::move(found.facts)), std::move(windows)};
    if (learned == Learned::kForAll) cache.KeepBoot(claims.boot_id, known);
  }
  return std::unique_ptr<GuestKernel>(new GuestKernel(std::move(memory), std::move(known)));
}

}  // namespace ktstr::vmm
