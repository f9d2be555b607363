#include "vmm/introspection/memory/address_space.h"

#include <algorithm>

namespace ktstr::vmm {
namespace {

constexpr std::uint64_t kAddressBits = 0x000ffffffffff000;  // of an entry and of CR3
constexpr std::uint64_t kPresent = 1;
constexpr std::uint64_t kLarge = std::uint64_t{1} << 7;
constexpr std::uint64_t kCr4FiveLevels = std::uint64_t{1} << 12;
constexpr int kBitsPerLevel = 9;
constexpr int kPageBits = 12;

/// All bits above the ones that are translated repeat the highest of those.
bool Canonical(std::uint64_t address, int levels) {
  const int unused = 64 - (kPageBits + kBitsPerLevel * levels);
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(address << unused) >> unused) == address;
}

}  // namespace

PageTableRoot PageTableRoot::FromRegisters(std::uint64_t cr3, std::uint64_t cr4) {
  return {cr3 & kAddressBits, (cr4 & kCr4FiveLevels) != 0};
}

std::optional<Translation> WalkPageTables(PhysicalMemory& memory, const PageTableRoot& root,
                                          std::uint64_t address) {
  const int levels = root.five_levels ? 5 : 4;
  if (!Canonical(address, levels)) return std::nullopt;
  std::uint64_t table = root.table;
  for (int level = levels; level >= 1; --level) {
    const int shift = kPageBits + kBitsPerLevel * (level - 1);
    const std::uint64_t index = (address >> shift) & ((1U << kBitsPerLevel) - 1);
    std::uint64_t entry = 0;
    if (!memory.Read(table + index * sizeof entry, std::as_writable_bytes(std::span(&entry, 1))))
      return std::nullopt;
    if ((entry & kPresent) == 0) return std::nullopt;
    const bool large = level > 1 && (entry & kLarge) != 0;
    if (large && level > 3) return std::nullopt;  // reserved; the processor would fault
    if (!large && level > 1) {
      table = entry & kAddressBits;
      continue;
    }
    const std::uint64_t page_bytes = std::uint64_t{1} << shift;
    return Translation{(entry & kAddressBits & ~(page_bytes - 1)) | (address & (page_bytes - 1)), page_bytes};
  }
  return std::nullopt;
}

std::optional<AddressSpace::Stretch> AddressSpace::InWindow(std::uint64_t address) const {
  for (const LinearWindow& window : windows_) {
    const std::uint64_t skip = address - window.begin;  // huge for addresses below it
    if (skip < window.bytes) return Stretch{window.physical + skip, window.bytes - skip};
  }
  return std::nullopt;
}

std::optional<AddressSpace::Stretch> AddressSpace::Locate(std::uint64_t address) const {
  if (const auto found = InWindow(address)) return found;
  const auto at = WalkPageTables(*memory_, root_, address);
  if (!at) return std::nullopt;
  return Stretch{at->physical, at->page_bytes - (at->physical & (at->page_bytes - 1))};
}

std::optional<Translation> AddressSpace::Translate(std::uint64_t address) const {
  if (const auto found = InWindow(address)) return Translation{found->physical, 4096};
  return WalkPageTables(*memory_, root_, address);
}

bool AddressSpace::Read(std::uint64_t address, std::span<std::byte> into) {
  return ReadSome(address, into) == into.size();
}

std::size_t AddressSpace::ReadSome(std::uint64_t address, std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto at = Locate(address + done);
    if (!at) break;
    // What is behind the end of RAM cannot be had, but the stretch's part before it can: in steps of 4 KiB.
    std::uint64_t part = std::min<std::uint64_t>(at->bytes, into.size() - done);
    if (!memory_->Read(at->physical, into.subspan(done, part))) {
      part = std::min<std::uint64_t>(part, 4096 - (at->physical & 4095));
      if (!memory_->Read(at->physical, into.subspan(done, part))) break;
    }
    done += part;
  }
  return done;
}

bool AddressSpace::Write(std::uint64_t address, std::span<const std::byte> from) {
  for (std::uint64_t done = 0; done < from.size();) {
    const auto at = Locate(address + done);
    if (!at) return false;
    const std::uint64_t part = std::min<std::uint64_t>(at->bytes, from.size() - done);
    std::byte first{};
    std::byte last{};
    if (!memory_->Read(at->physical, std::span(&first, 1))) return false;
    if (!memory_->Read(at->physical + part - 1, std::span(&last, 1))) return false;
    done += part;
  }
  for (std::uint64_t done = 0; done < from.size();) {
    const auto at = Locate(address + done);
    if (!at) return false;
    const std::uint64_t part = std::min<std::uint64_t>(at->bytes, from.size() - done);
    if (!memory_->Write(at->physical, from.subspan(done, part))) return false;
    done += part;
  }
  return true;
}

}  // namespace ktstr::vmm
