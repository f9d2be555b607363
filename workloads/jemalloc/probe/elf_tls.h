// What an ELF file says of its thread-local storage and of a jemalloc in it, read from untrusted bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"

namespace ktstr::jemalloc {

/// The segment from which each thread's block is made.
struct TlsSegment {
  std::uint64_t address = 0;  // p_vaddr
  std::uint64_t size = 0;     // p_memsz
  std::uint64_t align = 1;    // never 0

  /// How far before the thread pointer the block of the main program begins (x86-64: variant II of the ABI).
  [[nodiscard]] std::uint64_t DistanceFromThreadPointer() const {
    return size + ((0 - address - size) & (align - 1));
  }
};

/// jemalloc's own variable, where the symbol table names it.
struct TsdSymbol {
  std::uint64_t offset = 0;  // in the TLS block
  std::uint64_t size = 0;
};

/// A word of the file's memory that the dynamic loader has filled with what it knows of the TLS block.
struct TlsRelocation {
  enum class Kind { kThreadPointerOffset, kModule };
  Kind kind = Kind::kModule;
  std::uint64_t address = 0;  // of the word, before the file is moved to where it is loaded
  std::uint64_t addend = 0;   // kThreadPointerOffset: subtract it to get the block's beginning
};

struct ElfTls {
  std::optional<TlsSegment> segment;
  std::optional<TsdSymbol> tsd;            // of .symtab
  std::vector<TlsRelocation> relocations;  // those of the file's own block
  bool exports_mallctl = false;  // .dynsym has mallctl and mallocx: other libraries can use this jemalloc
  std::uint64_t first_page = 0;  // of what is mapped first: the address, and where that is in the file
  std::uint64_t first_offset = 0;
};

/// Reads `bytes`, the whole file. Any input is safe; every offset in it is checked. Pure.
/// Errors (kInput): "not an x86-64 ELF file", "a damaged ELF file".
Result<ElfTls> ReadElfTls(std::span<const std::byte> bytes);

/// Whether the bytes hold this text. That is how a jemalloc without symbols and its version are known.
bool Holds(std::span<const std::byte> bytes, std::string_view text);

}  // namespace ktstr::jemalloc
