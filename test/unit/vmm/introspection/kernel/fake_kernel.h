// A made-up kernel for tests: symbols, BTF made with libbpf, and memory of pages that exist or do not.
#pragma once

#include <bpf/btf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vmm/introspection/memory/kernel_memory.h"

namespace ktstr::vmm {

/// Pages come into being by Map(). Counts accesses; `on_read` can change memory between two of them.
class FakeMemory final : public KernelMemory {
 public:
  static constexpr std::uint64_t kPage = 4096;

  void Map(std::uint64_t address, std::uint64_t bytes) {
    for (std::uint64_t page = address / kPage; page <= (address + bytes - 1) / kPage; ++page) pages_[page];
  }
  template <typename T>
  void Put(std::uint64_t address, T value) {
    Map(address, sizeof(value));
    static_cast<void>(Write(address, std::as_bytes(std::span(&value, 1))));
  }
  template <typename T>
  T Get(std::uint64_t address) {
    T value{};
    REQUIRE(ReadSome(address, std::as_writable_bytes(std::span(&value, 1))) == sizeof(value));
    return value;
  }

  bool Read(std::uint64_t address, std::span<std::byte> into) override {
    ++reads;
    const bool all = ReadSome(address, into) == into.size();
    if (on_read) on_read();
    return all;
  }
  std::size_t ReadSome(std::uint64_t address, std::span<std::byte> into) override {
    for (std::size_t i = 0; i < into.size(); ++i) {
      const auto page = pages_.find((address + i) / kPage);
      if (page == pages_.end()) return i;
      into[i] = page->second[(address + i) % kPage];
    }
    return into.size();
  }
  bool Write(std::uint64_t address, std::span<const std::byte> from) override {
    if (std::vector<std::byte> probe(from.size()); ReadSome(address, probe) != from.size()) return false;
    for (std::size_t i = 0; i < from.size(); ++i)
      pages_[(address + i) / kPage][(address + i) % kPage] = from[i];
    return true;
  }

  int reads = 0;
  std::function<void()> on_read;

 private:
  std::map<std::uint64_t, std::array<std::byte, kPage>> pages_;
};

/// Writes BTF type by type; ids are what libbpf counts.
class BtfWriter {
 public:
  struct Member {
    const char* name;
    int type;
    std::uint32_t offset;         // bytes
    std::uint32_t bits = 0;       // of a bitfield
    std::uint32_t bit_shift = 0;  // of a bitfield, beyond `offset`
  };

  int Int(const char* name, std::size_t bytes, bool is_signed = false) {
    return ::btf__add_int(btf_.get(), name, bytes, is_signed ? BTF_INT_SIGNED : 0);
  }
  int Pointer(int to) { return ::btf__add_ptr(btf_.get(), to); }
  int Array(int index, int of, std::uint32_t count) { return ::btf__add_array(btf_.get(), index, of, count); }
  int Struct(const char* name, std::uint32_t size, const std::vector<Member>& members) {
    const int id = ::btf__add_struct(btf_.get(), name, size);
    for (const Member& m : members)
      REQUIRE(::btf__add_field(btf_.get(), m.name, m.type, m.offset * 8 + m.bit_shift, m.bits) == 0);
    return id;
  }
  /// The per-CPU variables; once, at the end.
  void PerCpuVariables(const std::vector<std::pair<const char*, int>>& variables) {
    std::vector<int> ids;
    for (const auto& [name, type] : variables)
      ids.push_back(::btf__add_var(btf_.get(), name, BTF_VAR_GLOBAL_ALLOCATED, type));
    ::btf__add_datasec(btf_.get(), ".data..percpu", 4096);
    for (std::size_t i = 0; i < ids.size(); ++i)
      ::btf__add_datasec_var_info(btf_.get(), ids[i], static_cast<__u32>(i * 256), 8);
  }
  std::shared_ptr<const Btf> Finish() {
    __u32 size = 0;
    const void* raw = ::btf__raw_data(btf_.get(), &size);
    auto parsed = Btf::Parse(std::span(static_cast<const std::byte*>(raw), size));
    if (!parsed) FAIL(parsed.error().message);
    return *parsed;
  }

 private:
  std::unique_ptr<::btf, decltype(&::btf__free)> btf_{::btf__new_empty(), &::btf__free};
};

/// Symbols as "name address type" with link addresses; `per_cpu` ones as offsets.
inline std::shared_ptr<const SymbolTable> MakeSymbols(
    const std::vector<std::pair<std::string, std::uint64_t>>& symbols) {
  std::vector<std::pair<std::uint64_t, std::string>> lines = {{kLinkText, "_text"}};
  for (const auto& [name, address] : symbols) lines.emplace_back(address, name);
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const auto& [address, name] : lines) text += fmt::format("{:016x} D {}\n", address, name);
  auto table = SymbolTable::FromText(text);
  if (!table) FAIL(table.error().message);
  return *table;
}

}  // namespace ktstr::vmm
