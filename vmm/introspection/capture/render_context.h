// What is known while a capture's bytes are turned into a report.
#pragma once

#include <string>
#include <unordered_map>

#include "vmm/introspection/capture/capture.h"

namespace ktstr::vmm {

/// What a report says of a task that something points to.
struct TaskName {
  std::int32_t pid = 0;
  std::string comm;
};

/// REQUIRES: what it is made of outlives it. One thread, since `btfs` learns types while rendering.
struct RenderContext {
  RenderContext(const RawCapture& capture, const KernelFacts& kernel, const KernelLayout& where,
                BtfCache& cache);

  const RawCapture& raw;
  const KernelFacts& facts;
  const KernelLayout& layout;
  BtfCache& btfs;
  /// By address: the tasks that were captured and those that were only named.
  std::unordered_map<std::uint64_t, TaskName> names;

  /// Null where nothing is known of a task at that address.
  [[nodiscard]] const TaskName* NameOf(std::uint64_t task) const;
};

/// The text in a fixed field of `size` bytes at `offset`, up to its NUL; unprintable bytes become '?'.
std::string TextAt(const Bytes& copy, std::size_t offset, std::size_t size);
/// "do_idle+0x1c", or empty when no kernel symbol covers the (runtime) address.
std::string SymbolAt(const KernelFacts& facts, std::uint64_t address);
/// Two digits per byte.
std::string Hex(std::span<const std::byte> bytes);

}  // namespace ktstr::vmm
