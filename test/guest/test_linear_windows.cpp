// The windows of real kernels, each page of them held against the page tables.
#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"
#include "vmm/introspection/memory/linear_windows.h"

namespace ktstr::test {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

/// How many bytes of a window the tables do not map now; all others are where it says.
std::uint64_t Unmapped(vmm::PhysicalMemory& tables, const vmm::PageTableRoot& root,
                       const vmm::LinearWindow& window) {
  std::uint64_t unmapped = 0;
  for (std::uint64_t done = 0; done < window.bytes;) {
    const auto at = vmm::WalkPageTables(tables, root, window.begin + done);
    if (at && at->physical != window.physical + done) FAIL("page " << done / 4096 << " lies elsewhere");
    const std::uint64_t step = at ? at->page_bytes - at->physical % at->page_bytes : 4096;
    if (!at) unmapped += step;
    done += step;
  }
  return unmapped;
}

void Examine(const std::string& kind, Start start) {
  const auto file = CachedKernel(kind);
  if (!file) return Skip("no kernel was " + kind);
  LiveGuest guest(*file, start);
  vmm::KernelFactsCache cache;
  const auto kernel = Need(guest.OpenKernel(cache));
  const vmm::AddressSpace& space = kernel->space();
  const auto covered = [&](std::uint64_t address) {
    return std::any_of(space.windows().begin(), space.windows().end(), [&](const vmm::LinearWindow& window) {
      return address - window.begin < window.bytes;
    });
  };
  const vmm::KernelView view = kernel->Live();
  for (const char* name : {"_text", "linux_banner", "init_task", "jiffies_64", "__per_cpu_offset"}) {
    INFO(name);
    CHECK(covered(Need(view.Symbol(name))));
  }
  for (const std::uint32_t cpu : {0U, 1U}) CHECK(covered(Need(view.PerCpu("runqueues", cpu))));
  CHECK_FALSE(covered(Need(view.Symbol("__init_begin"))));
  CHECK_FALSE(covered(Need(view.Symbol("_end")) + 4096));
  CHECK_FALSE(covered(kernel->facts().page_offset + kernel->facts().ram_bytes));

  vmm::PageCache tables(kernel->memory());
  for (const vmm::LinearWindow& window : space.windows()) {
    const bool direct = window.begin < vmm::kLinkText;
    const std::uint64_t unmapped = Unmapped(tables, space.root(), window);
    CHECK(unmapped <= (direct ? 4 * kMiB : 0));  // kfence keeps 2 MiB of guards
    if (direct) CHECK(window.bytes > kernel->facts().ram_bytes - 8 * kMiB);
  }
  // Somebody else's guest of the same kernel finds them again.
  const auto again = Need(guest.OpenKernel(cache));
  CHECK(again->space().windows() == space.windows());
}

TEST_CASE("linear windows: a booted guest with our kernel") { Examine("built", Start::kBoot); }
TEST_CASE("linear windows: a clone with our kernel") { Examine("built", Start::kClone); }
TEST_CASE("linear windows: a clone with Debian's kernel") { Examine("fetched", Start::kClone); }

}  // namespace
}  // namespace ktstr::test
