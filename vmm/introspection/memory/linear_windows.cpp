#include "vmm/introspection/memory/linear_windows.h"

#include <algorithm>
#include <array>

#include "vmm/introspection/memory/guest_memory.h"
#include "vmm/introspection/memory/paused_memory.h"

namespace ktstr::vmm {
namespace {

constexpr std::uint64_t kPage = 4096;
/// What is below belongs to firmware and devices.
constexpr std::uint64_t kLowestRam = std::uint64_t{1} << 20;
/// A larger one than any kernel's is a wrong symbol.
constexpr std::uint64_t kMostImage = std::uint64_t{256} << 20;
/// At the end of RAM, kept by the firmware and perhaps not mapped.
constexpr std::uint64_t kMostFirmware = std::uint64_t{16} << 20;
constexpr std::uint64_t kSamples = 64;

bool LiesAt(PhysicalMemory& memory, const PageTableRoot& root, std::uint64_t address,
            std::uint64_t physical) {
  const auto at = WalkPageTables(memory, root, address);
  return at && at->physical == physical;
}

/// The stretches of [begin, end) whose pages are one behind the other.
void FindRuns(PhysicalMemory& memory, const PageTableRoot& root, std::uint64_t begin, std::uint64_t end,
              std::vector<LinearWindow>& into) {
  LinearWindow run;
  for (std::uint64_t address = begin; address < end;) {
    const auto at = WalkPageTables(memory, root, address);
    const std::uint64_t step =
        at ? std::min(at->page_bytes - (at->physical & (at->page_bytes - 1)), end - address) : kPage;
    if (at && run.bytes > 0 && at->physical == run.physical + run.bytes) {
      run.bytes += step;
    } else {
      if (run.bytes > 0) into.push_back(run);
      run = at ? LinearWindow{address, step, at->physical} : LinearWindow{};
    }
    address += step;
  }
  if (run.bytes > 0) into.push_back(run);
}

void FindImage(PhysicalMemory& memory, const PageTableRoot& root, const KernelFacts& facts,
               std::vector<LinearWindow>& into) {
  std::array<std::uint64_t, 4> marks{};
  for (std::size_t i = 0; const char* name : {"_text", "__init_begin", "__init_end", "_end"}) {
    const auto symbol = facts.symbols->Find(name);
    if (!symbol) return;
    marks[i++] = symbol->address + facts.kaslr_offset;
  }
  const auto [text, init_begin, init_end, end] = marks;
  if (!std::is_sorted(marks.begin(), marks.end()) || end - text > kMostImage || text % kPage != 0) return;
  FindRuns(memory, root, text, init_begin & ~(kPage - 1), into);
  const std::uint64_t rest = (init_end + kPage - 1) & ~(kPage - 1);
  // Symbols of a hostile guest may end within the last page of all, behind which 0 comes.
  if (rest >= init_end) FindRuns(memory, root, rest, end & ~(kPage - 1), into);
}

void FindDirectMap(PhysicalMemory& memory, const PageTableRoot& root, std::uint64_t page_offset,
                   const RamRange& ram, std::vector<LinearWindow>& into) {
  const std::uint64_t begin = std::max(ram.address, kLowestRam);
  std::uint64_t end = (ram.address + ram.bytes) & ~(kPage - 1);
  const auto lies = [&](std::uint64_t physical) {
    return LiesAt(memory, root, page_offset + physical, physical);
  };
  const std::uint64_t least = end - std::min(end, kMostFirmware);
  while (end > std::max(begin, least) && !lies(end - kPage)) end -= kPage;
  if (end <= begin || !lies(begin) || !lies(end - kPage)) return;
  std::uint64_t found = 0;
  for (std::uint64_t i = 0; i < kSamples; ++i) {
    const std::uint64_t physical = (begin + (end - begin) / kSamples * i) & ~(kPage - 1);
    const auto at = WalkPageTables(memory, root, page_offset + physical);
    if (at && at->physical != physical) return;
    found += at ? 1 : 0;
  }
  if (found > kSamples / 2) into.push_back({page_offset + begin, end - begin, begin});
}

}  // namespace

std::vector<LinearWindow> FindLinearWindows(PhysicalMemory& memory, const PageTableRoot& root,
                                            const KernelFacts& facts) {
  std::vector<LinearWindow> windows;
  PageCache tables(memory);  // each table is looked at hundreds of times
  FindImage(tables, root, facts, windows);
  const std::array<std::uint64_t, 1> bytes = {facts.ram_bytes};
  for (const RamRange& ram : LayOutRam(bytes)) FindDirectMap(tables, root, facts.page_offset, ram, windows);
  return windows;
}

bool WindowsHold(PhysicalMemory& memory, const PageTableRoot& root, std::span<const LinearWindow> windows) {
  return std::all_of(windows.begin(), windows.end(), [&](const LinearWindow& window) {
    const std::uint64_t last = window.bytes - kPage;
    return LiesAt(memory, root, window.begin, window.physical) &&
           LiesAt(memory, root, window.begin + last, window.physical + last);
  });
}

}  // namespace ktstr::vmm
