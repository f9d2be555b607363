// Guest kernel addresses through the page tables of x86-64, as the processor walks them.
#pragma once

#include <cstdint>
#include <optional>

#include "vmm/introspection/kernel_memory.h"
#include "vmm/introspection/physical_memory.h"

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

/// nullopt: the address is not canonical, not mapped, or its tables are not in RAM. Safe on any tables, as
/// each level is read once.
std::optional<Translation> WalkPageTables(PhysicalMemory& memory, const PageTableRoot& root,
                                          std::uint64_t address);

/// Walks for each access, so it is right while the guest changes its tables. One thread; `memory` outlives
/// it.
class AddressSpace final : public KernelMemory {
 public:
  AddressSpace(PhysicalMemory& memory, PageTableRoot root) : memory_(&memory), root_(root) {}

  bool Read(std::uint64_t address, std::span<std::byte> into) override;
  std::size_t ReadSome(std::uint64_t address, std::span<std::byte> into) override;
  /// Nothing is written unless all pages are mapped. Protection bits do not count.
  bool Write(std::uint64_t address, std::span<const std::byte> from) override;

  [[nodiscard]] std::optional<Translation> Translate(std::uint64_t address) const {
    return WalkPageTables(*memory_, root_, address);
  }
  [[nodiscard]] PhysicalMemory& physical() const { return *memory_; }
  [[nodiscard]] const PageTableRoot& root() const { return root_; }

 private:
  PhysicalMemory* memory_;
  PageTableRoot root_;
};

}  // namespace ktstr::vmm
