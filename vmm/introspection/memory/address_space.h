// Guest kernel addresses through the page tables of x86-64, as the processor walks them.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "vmm/introspection/memory/kernel_memory.h"
#include "vmm/introspection/memory/physical_memory.h"

namespace ktstr::vmm {

/// Where the page tables begin and how deep they are; what CR3 and CR4 hold.
struct PageTableRoot {
  std::uint64_t table = 0;  // physical, 4 KiB aligned
  bool five_levels = false;

  /// Without the PCID and flags of CR3. Bit 12 stays: with page-table isolation it is set for the tables of
  /// user mode, which lack most of the kernel; without, it is just a bit of the address.
  static PageTableRoot FromRegisters(std::uint64_t cr3, std::uint64_t cr4);

  friend bool operator==(const PageTableRoot&, const PageTableRoot&) = default;
};

/// A page of the guest that an address lies in.
struct Translation {
  std::uint64_t physical = 0;    // of the address, not of its page
  std::uint64_t page_bytes = 0;  // 4 KiB, 2 MiB or 1 GiB

  friend bool operator==(const Translation&, const Translation&) = default;
};

/// Addresses whose pages follow each other in RAM, and do as long as the guest lives
/// (linear_windows.h finds them).
struct LinearWindow {
  std::uint64_t begin = 0;     // virtual
  std::uint64_t bytes = 0;     // whole pages
  std::uint64_t physical = 0;  // of `begin`

  friend bool operator==(const LinearWindow&, const LinearWindow&) = default;
};

/// nullopt: the address is not canonical, not mapped, or its tables are not in RAM. Safe on any tables, as
/// each level is read once.
std::optional<Translation> WalkPageTables(PhysicalMemory& memory, const PageTableRoot& root,
                                          std::uint64_t address);

/// Walks for each access, so it is right while the guest changes its tables, but for windows: what lies in
/// one is found without looking at memory, which on a clone costs a system call a level. One thread; `memory`
/// outlives it.
class AddressSpace final : public KernelMemory {
 public:
  AddressSpace(PhysicalMemory& memory, PageTableRoot root) : memory_(&memory), root_(root) {}

  bool Read(std::uint64_t address, std::span<std::byte> into) override;
  std::size_t ReadSome(std::uint64_t address, std::span<std::byte> into) override;
  /// Nothing is written unless all pages are mapped. Protection bits do not count.
  bool Write(std::uint64_t address, std::span<const std::byte> from) override;

  /// Few, because each is looked at.
  void UseWindows(std::vector<LinearWindow> windows) { windows_ = std::move(windows); }
  [[nodiscard]] const std::vector<LinearWindow>& windows() const { return windows_; }

  /// In a window all pages count as such of 4 KiB.
  [[nodiscard]] std::optional<Translation> Translate(std::uint64_t address) const;
  [[nodiscard]] PhysicalMemory& physical() const { return *memory_; }
  [[nodiscard]] const PageTableRoot& root() const { return root_; }

 private:
  struct Stretch {
    std::uint64_t physical = 0;
    std::uint64_t bytes = 0;  // from there on, contiguous
  };
  [[nodiscard]] std::optional<Stretch> InWindow(std::uint64_t address) const;
  [[nodiscard]] std::optional<Stretch> Locate(std::uint64_t address) const;

  PhysicalMemory* memory_;
  PageTableRoot root_;
  std::vector<LinearWindow> windows_;
};

}  // namespace ktstr::vmm
