// How authors write places, widths and values of kernel memory. See vmm/introspection/kernel/kernel_target.h
// for what they mean.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ops/host/comparison.h"
#include "ops/host/host_context.h"

namespace ktstr {

/// Exactly one of symbol, direct, virtual, task and pid; `cpu` makes the symbol a per-CPU one.
struct KernelTargetSpec {
  std::optional<std::string> symbol;
  std::string type;
  std::string field;
  std::optional<std::uint32_t> cpu;
  std::optional<Word> direct;
  std::optional<Word> virtual_address;
  std::optional<std::string> task;
  std::optional<std::int32_t> pid;
  std::optional<Word> start_time_ns;
  static const StructDecl& Decl();

  /// The target; of `task`, one whose pid and start time are still to be found.
  [[nodiscard]] KernelEntry Entry() const;
};

/// `u32`, `u64` or a number of bytes (`16B`).
struct WidthSpec {
  vmm::KernelWidth width;
  static const ScalarDecl& Scalar();
};

/// Exactly one of them.
struct KernelValueSpec {
  std::optional<std::int64_t> set;
  std::optional<std::uint32_t> u32;
  std::optional<Word> u64;
  std::optional<std::string> bytes;
  std::optional<Word> or_mask;
  static const StructDecl& Decl();

  [[nodiscard]] vmm::KernelValue Value() const;
};

/// One write of a batch.
struct KernelWriteSpec {
  KernelTargetSpec target;
  KernelValueSpec value;
  static const StructDecl& Decl();
};

/// "jiffies_64", "scx.slice of task 'spin'": for labels and messages.
std::string ToText(const KernelEntry& entry);

}  // namespace ktstr
