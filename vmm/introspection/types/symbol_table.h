// The kernel's symbols at their link addresses, out of System.map, an ELF vmlinux or a guest's
// /proc/kallsyms.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"

namespace ktstr::vmm {

/// Where x86-64 kernels are linked to begin: the link address of `_text`.
inline constexpr std::uint64_t kLinkText = 0xffffffff81000000;

struct Symbol {
  std::uint64_t address = 0;  // link address; of a per-CPU symbol: its offset in the per-CPU area
  bool per_cpu = false;
  char type = '?';  // as in System.map: T, t, D, d, B, b, R, r, A, ...
};

/// Immutable; any number of threads.
class SymbolTable {
 public:
  /// "address type name" lines. With `runtime_text` != 0 the addresses are those of a running kernel whose
  /// `_text` is there (a kallsyms), and are turned back into link addresses; lines of modules ("\t[name]")
  /// and hidden addresses (all zero) are left out. Errors (kInput): "has no symbol _text", `line 12 is not
  /// "address type name"`, "_text is at 0x..., not at 0x...", "all addresses are hidden
  /// (kernel.kptr_restrict)".
  static Result<std::shared_ptr<const SymbolTable>> FromText(std::string_view text,
                                                             std::uint64_t runtime_text = 0);
  /// The .symtab of an ELF file; undefined symbols are skipped. Errors (kInput) name what is wrong with the
  /// file.
  static Result<std::shared_ptr<const SymbolTable>> FromElf(const std::filesystem::path& vmlinux);

  /// The symbol of that exact name; of several the global one, else the lowest.
  [[nodiscard]] std::optional<Symbol> Find(std::string_view name) const;
  /// The name and offset of the closest symbol at or below a link address, when that is within
  /// `max_distance`.
  struct Place {
    std::string_view name;
    std::uint64_t offset = 0;
  };
  [[nodiscard]] std::optional<Place> Covering(std::uint64_t link_address,
                                              std::uint64_t max_distance = 1U << 20) const;
  /// Names like `name`, best first, for messages; at most three.
  [[nodiscard]] std::vector<std::string_view> Similar(std::string_view name) const;
  [[nodiscard]] std::size_t size() const { return sorted_.size(); }
  /// The link address that per-CPU symbols are offsets from: 0 before Linux 6.15.
  [[nodiscard]] std::uint64_t per_cpu_start() const { return per_cpu_start_; }

 private:
  struct Entry {
    std::uint64_t address;
    std::uint32_t name;  // offset in names_
    std::uint32_t length;
    char type;
    bool per_cpu;
  };
  SymbolTable() = default;
  void Add(std::uint64_t address, char type, std::string_view name);
  void MarkPerCpu();
  void BuildIndex();
  [[nodiscard]] std::string_view NameOf(const Entry& entry) const {
    return {&names_[entry.name], entry.length};
  }
  [[nodiscard]] std::size_t SlotOf(std::string_view name) const;

  std::string names_;
  std::vector<Entry> sorted_;           // by address
  std::vector<std::uint32_t> by_name_;  // a hash table: 1 + index into sorted_, 0 in an empty slot
  std::uint64_t per_cpu_start_ = 0;
};

}  // namespace ktstr::vmm
