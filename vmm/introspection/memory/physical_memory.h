// Guest-physical memory as an interface, so that page tables and caches can be built over a real machine's
// RAM as well as over a test's bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ktstr::vmm {

/// Guest-physical addresses. Nothing here throws or crashes on any address.
class PhysicalMemory {
 public:
  virtual ~PhysicalMemory() = default;
  /// All bytes, or false: some of them are not RAM (a device, the hole below 4 GiB), or the machine is gone.
  /// `into` is then unspecified.
  virtual bool Read(std::uint64_t address, std::span<std::byte> into) = 0;
  /// As Read(). Nothing is written unless all bytes are RAM.
  virtual bool Write(std::uint64_t address, std::span<const std::byte> from) = 0;
  /// Of RAM in all; less than the highest address where there is a hole.
  [[nodiscard]] virtual std::uint64_t bytes() const = 0;
};

}  // namespace ktstr::vmm
