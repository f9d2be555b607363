// How the host sees the guest kernel's virtual memory: an interface with a live implementation (AddressSpace)
// and one for while the guest is paused (PausedMemory), and KernelView, which adds what the addresses mean.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/introspection/types/btf.h"
#include "vmm/introspection/types/symbol_table.h"

namespace ktstr::vmm {

/// Guest kernel virtual addresses. Nothing here throws or crashes on any address.
class KernelMemory {
 public:
  virtual ~KernelMemory() = default;
  /// All bytes or false: some page is not mapped, not in RAM, or the machine is gone.
  virtual bool Read(std::uint64_t address, std::span<std::byte> into) = 0;
  /// As far as pages are mapped: the bytes from the start that could be read.
  virtual std::size_t ReadSome(std::uint64_t address, std::span<std::byte> into) = 0;
  /// Naturally aligned writes of 4 and 8 bytes are single stores where the mapping is our own.
  virtual bool Write(std::uint64_t address, std::span<const std::byte> from) = 0;
};

/// What is known of a running guest kernel; found once a template, shared by its clones.
struct KernelFacts {
  std::shared_ptr<const SymbolTable> symbols;  // never null
  std::shared_ptr<const Btf> btf;              // never null; the running kernel's own
  std::string release;
  std::string build_id;                       // hex
  std::uint64_t kaslr_offset = 0;             // runtime address - link address of kernel symbols
  std::uint64_t page_offset = 0;              // start of the direct map, runtime
  std::uint64_t ram_bytes = 0;                // of guest RAM
  std::vector<std::uint64_t> per_cpu_offset;  // by CPU; size == CPUs of the guest
};

/// One way to look at one guest kernel. Cheap to make; `facts` and `memory` outlive it. One thread.
class KernelView {
 public:
  KernelView(const KernelFacts& facts, KernelMemory& memory) : facts_(&facts), memory_(&memory) {}

  [[nodiscard]] const KernelFacts& facts() const { return *facts_; }
  [[nodiscard]] const Btf& btf() const { return *facts_->btf; }
  [[nodiscard]] KernelMemory& memory() const { return *memory_; }
  [[nodiscard]] std::uint32_t cpus() const {
    return static_cast<std::uint32_t>(facts_->per_cpu_offset.size());
  }

  /// The runtime address of a kernel symbol. Error (kInput): "no kernel symbol 'x'", with a suggestion.
  /// Per-CPU symbols are refused: see PerCpu().
  [[nodiscard]] Result<std::uint64_t> Symbol(std::string_view name) const;
  /// The runtime address of CPU `cpu`'s copy of a per-CPU symbol. Errors (kInput): the symbol's; "CPU 9 does
  /// not exist; the guest has 2".
  [[nodiscard]] Result<std::uint64_t> PerCpu(std::string_view name, std::uint32_t cpu) const;
  /// "do_idle+0x1c"; "0xffff..." when no symbol covers the address.
  [[nodiscard]] std::string Symbolize(std::uint64_t address) const;

  /// A value at an address; nullopt where it cannot be read.
  template <typename T>
  requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::optional<T> Load(std::uint64_t address) const {
    T value;
    if (!memory_->Read(address, std::as_writable_bytes(std::span(&value, 1)))) return std::nullopt;
    return value;
  }
  /// The (unsigned) value of a resolved member path of an object at `address`, pointers on the way followed;
  /// bitfields extracted, signed integers sign-extended. nullopt where memory cannot be read or the member is
  /// longer than 8 bytes.
  [[nodiscard]] std::optional<std::uint64_t> LoadField(std::uint64_t address, const MemberPath& path) const;
  /// Where the member is, pointers on the way followed. nullopt where one cannot be read or is null.
  [[nodiscard]] std::optional<std::uint64_t> AddressOf(std::uint64_t address, const MemberPath& path) const;
  /// At most `max` bytes up to a NUL; unprintable bytes become '?'.
  [[nodiscard]] std::string LoadString(std::uint64_t address, std::size_t max) const;

 private:
  const KernelFacts* facts_;
  KernelMemory* memory_;
};

}  // namespace ktstr::vmm
