// How authors write places, widths and values of kernel memory. See vmm/introspection/kernel/kernel_target.h
// for what they mean.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ops/host/comparison.h"
#include "ops/host/host_context.h"

namespace ktstr {

/// Exactly one of symbol, direct, virtual, task, pid and var; `cpu` makes the symbol a per-CPU one.
struct KernelTargetSpec {
  std::optional<std::string> symbol;  // a kernel variable
  std::string type;                   // the symbol's; "": not given. BTF has those of per-CPU symbols
  std::string field;                  // a member path; "": the whole
  std::optional<std::uint32_t> cpu;
  std::optional<Word> direct;           // an address in the direct map of all memory
  std::optional<Word> virtual_address;  // `virtual`; found through the page tables
  std::optional<std::string> task;      // by comm; several of that name are an error of the run
  std::optional<std::int32_t> pid;      // in the guest
  std::optional<Word> start_time_ns;    // goes with pid: the task must have started then
  std::optional<std::string> var;       // a global variable of a BPF program
  std::string map;                      // that it is in; "": whichever has one of that name
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
  std::optional<std::int64_t> set;  // written with the size of the field
  std::optional<std::uint32_t> u32;
  std::optional<Word> u64;
  std::optional<std::string> bytes;  // in hex, two digits per byte
  std::optional<Word> or_mask;       // 32 bits to set beside those that are; cold writes only
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
