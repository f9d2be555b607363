// Guest kernel addresses while the guest is paused: what was read once is not read again, so that walking
// lists of small objects costs little even where each read of the guest is a system call.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "vmm/introspection/memory/address_space.h"

namespace ktstr::vmm {

/// Physical memory behind a bounded cache of 4 KiB pages; it is emptied when it is full. Writes go through
/// and change the cached page. REQUIRES: nobody else writes meanwhile.
class PageCache final : public PhysicalMemory {
 public:
  static constexpr std::size_t kPages = 4096;  // 16 MiB

  explicit PageCache(PhysicalMemory& memory) : memory_(&memory) {}

  bool Read(std::uint64_t address, std::span<std::byte> into) override;
  bool Write(std::uint64_t address, std::span<const std::byte> from) override;
  [[nodiscard]] std::uint64_t bytes() const override { return memory_->bytes(); }

 private:
  using Page = std::array<std::byte, 4096>;

  const Page* Get(std::uint64_t page);

  PhysicalMemory* memory_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages_;  // by address
};

/// Make one for each pause: what it holds is stale once the guest runs. One thread; the AddressSpace's
/// memory outlives it.
class PausedMemory final : public KernelMemory {
 public:
  explicit PausedMemory(const AddressSpace& live) : cache_(live.physical()), tables_(cache_, live.root()) {
    tables_.UseWindows(live.windows());
  }
  PausedMemory(const PausedMemory&) = delete;  // tables_ points into it

  bool Read(std::uint64_t address, std::span<std::byte> into) override;
  std::size_t ReadSome(std::uint64_t address, std::span<std::byte> into) override;
  bool Write(std::uint64_t address, std::span<const std::byte> from) override;

 private:
  std::optional<std::uint64_t> PhysicalOf(std::uint64_t address);

  PageCache cache_;
  AddressSpace tables_;
  std::unordered_map<std::uint64_t, std::optional<std::uint64_t>> translations_;  // 4 KiB pages
};

}  // namespace ktstr::vmm
