// A running guest's kernel as a run holds it: its memory, its page tables and what is known of it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "guest-init/wire/messages.h"
#include "vmm/introspection/kernel/kernel_facts.h"
#include "vmm/introspection/memory/guest_memory.h"
#include "vmm/introspection/memory/paused_memory.h"
#include "vmm/machine/machine.h"

namespace ktstr::vmm {

/// What earlier guests of this program have shown: clones of one template are the same kernel at the same
/// place, and guests of one build share symbols and types. Any thread.
class KernelFactsCache {
 public:
  struct Known {
    PageTableRoot root;
    std::shared_ptr<const KernelFacts> facts;
    std::vector<LinearWindow> windows{};
  };
  /// By the guest's boot id; `facts` null when there is none.
  [[nodiscard]] Known OfBoot(const std::string& boot_id) const;
  void KeepBoot(const std::string& boot_id, Known known);
  /// By build id; `symbols` null when there is none. An empty id is never known.
  [[nodiscard]] KernelBuild OfBuild(const std::string& build_id) const;
  void KeepBuild(const std::string& build_id, KernelBuild build);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Known> boots_;
  std::map<std::string, KernelBuild> builds_;
};

/// Whether other runs may believe what was found out about a kernel. Not from a guest that may have run
/// payloads: these can put something else in the place of /proc/kallsyms, or change the kernel.
enum class Learned { kForAll, kForThisRun };

/// What is read through it is the guest's own memory: a hostile guest decides what stands there, but not
/// where a read ends. One thread, the machine's.
class GuestKernel {
 public:
  /// Works while the guest runs and while it is paused, once it has sent `claims`. `machine` outlives this.
  /// `kernel` is what the machine was started with; `fetch` is called only when neither its files, the cache
  /// directory nor `cache` have the symbols, and needs a guest that runs. What is learned goes into both, if
  /// it is for all. Errors: those of GuestMemory::Open(), FindSymbols(), ReadRegisters() and FindKernel().
  static Result<std::unique_ptr<GuestKernel>> Open(Machine& machine, const Ready& claims,
                                                   const Kernel& kernel, KernelFactsCache& cache,
                                                   const FetchKallsyms& fetch,
                                                   Learned learned = Learned::kForAll);

  /// The guest as it is at each read.
  [[nodiscard]] KernelView Live() { return {*facts_, space_}; }
  /// The kernel's addresses, without a meaning.
  [[nodiscard]] AddressSpace& space() { return space_; }
  /// For a paused guest (pause.h); make a new one each time. For a KernelView with facts().
  [[nodiscard]] PausedMemory Paused() const { return PausedMemory(space_); }
  [[nodiscard]] const KernelFacts& facts() const { return *facts_; }
  /// Physical memory, for what has no address in the kernel.
  [[nodiscard]] GuestMemory& memory() { return *memory_; }

 private:
  GuestKernel(std::unique_ptr<GuestMemory> memory, KernelFactsCache::Known known)
      : memory_(std::move(memory)), space_(*memory_, known.root), facts_(std::move(known.facts)) {
    space_.UseWindows(std::move(known.windows));
  }

  std::unique_ptr<GuestMemory> memory_;
  AddressSpace space_;
  std::shared_ptr<const KernelFacts> facts_;
};

}  // namespace ktstr::vmm
