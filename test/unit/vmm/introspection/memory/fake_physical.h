// Made-up physical memory and page tables in it.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "vmm/introspection/memory/address_space.h"

namespace ktstr::vmm::test {

/// RAM from address 0 on; counts what is asked of it.
class FakePhysical final : public PhysicalMemory {
 public:
  explicit FakePhysical(std::size_t size) : ram(size) {}

  bool Read(std::uint64_t address, std::span<std::byte> into) override {
    ++reads;
    if (!Has(address, into.size())) return false;
    std::memcpy(into.data(), &ram[address], into.size());
    return true;
  }
  bool Write(std::uint64_t address, std::span<const std::byte> from) override {
    ++writes;
    if (!Has(address, from.size())) return false;
    std::memcpy(&ram[address], from.data(), from.size());
    return true;
  }
  [[nodiscard]] std::uint64_t bytes() const override { return ram.size(); }

  void Put(std::uint64_t address, std::uint64_t word) { std::memcpy(&ram.at(address), &word, sizeof word); }
  void Put(std::uint64_t address, std::string_view text) {
    std::memcpy(&ram.at(address), text.data(), text.size());
  }

  std::vector<std::byte> ram;
  int reads = 0;
  int writes = 0;

 private:
  [[nodiscard]] bool Has(std::uint64_t address, std::size_t count) const {
    return address < ram.size() && count <= ram.size() - address;
  }
};

/// Tables that begin at `first`, one page each, as they are needed.
class TableBuilder {
 public:
  TableBuilder(FakePhysical& memory, std::uint64_t first, int levels)
      : memory_(memory), root_(first), next_(first + 4096), levels_(levels) {}

  [[nodiscard]] PageTableRoot root() const { return {root_, levels_ == 5}; }

  /// `page_bytes`: 4 KiB, 2 MiB or 1 GiB. `flags` of the last entry go with it.
  void Map(std::uint64_t address, std::uint64_t physical, std::uint64_t page_bytes = 4096,
           std::uint64_t flags = 0x163) {
    std::uint64_t table = root_;
    for (int level = levels_;; --level) {
      const int shift = 12 + 9 * (level - 1);
      const std::uint64_t entry = table + (address >> shift & 511) * 8;
      if (page_bytes == std::uint64_t{1} << shift) {
        memory_.Put(entry, physical | flags | (level > 1 ? 0x80 : 0));
        return;
      }
      std::uint64_t below = 0;
      std::memcpy(&below, &memory_.ram.at(entry), sizeof below);
      if (below == 0) {
        below = next_ | 0x63;
        next_ += 4096;
        memory_.Put(entry, below);
      }
      table = below & ~std::uint64_t{4095};
    }
  }

 private:
  FakePhysical& memory_;
  std::uint64_t root_;
  std::uint64_t next_;
  int levels_;
};

}  // namespace ktstr::vmm::test
