// Which bytes of the guest kernel an author means, how wide a read is, what a write puts there and what a
// read found. Plain data that the Ops speak; kernel_access.h does the work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ktstr::vmm {

/// A kernel variable: `{symbol: jiffies_64}`, `{symbol: init_task, type: task_struct, field:
/// se.load.weight}`. The kernel's BTF knows the types of its per-CPU variables only, so a `field` needs the
/// `type` of the others. A variable that holds a pointer is followed when its type is one (`type: "scx_sched
/// *"`, `field: level`) or when the field begins with an arrow (`type: scx_sched`, `field: "->level"`).
struct SymbolTarget {
  std::string name;
  std::string type;   // a BTF type's name, "struct " in front or not; empty: none
  std::string field;  // a member path (btf.h), empty: the variable itself
};
/// An address in the direct map of all RAM; REQUIRES nothing: one outside it is an error when it is used.
struct DirectTarget {
  std::uint64_t address = 0;
};
/// Any kernel address, through the page tables.
struct VirtualTarget {
  std::uint64_t address = 0;
};
/// One CPU's copy of a per-CPU variable whose type BTF knows: `{symbol: runqueues, field: nr_running, cpu:
/// 1}`.
struct PerCpuTarget {
  std::string symbol;
  std::string field;
  std::uint32_t cpu = 0;
};
/// A member of a task's task_struct. The start time tells the task from a later one with the same pid: field
/// 22 of /proc/PID/stat, in ns since boot; it is rounded down to a tick there, so 10 ms above it still match.
struct TaskTarget {
  std::int32_t pid = 0;  // the thread's, in the initial namespace
  std::uint64_t expected_start_time_ns = 0;
  std::string field;  // from task_struct on: "scx.dsq_vtime"
};
/// A global variable of a BPF program that is loaded: `{var: live_fault}`.
struct BpfGlobalTarget {
  std::string variable;
  std::string map;    // the name of the map it is in ("ktstr_sc.bss"); empty: whichever has it
  std::string field;  // a member path, empty: the variable itself
};
using KernelTarget =
    std::variant<SymbolTarget, DirectTarget, VirtualTarget, PerCpuTarget, TaskTarget, BpfGlobalTarget>;

/// How much is read, and as what. The default is what BTF says of the place; places without a type need one
/// of the others.
struct KernelWidth {
  enum class Kind : std::uint8_t { kTyped, kU32, kU64, kBytes };
  Kind kind = Kind::kTyped;
  std::uint32_t bytes = 0;  // of kBytes: 1 .. kMaxBytes

  static constexpr std::uint32_t kMaxBytes = 1U << 20;
  static KernelWidth Typed() { return {}; }
  static KernelWidth U32() { return {Kind::kU32, 4}; }
  static KernelWidth U64() { return {Kind::kU64, 8}; }
  static KernelWidth Bytes(std::uint32_t count) { return {Kind::kBytes, count}; }
};

/// What is written, little endian. kTyped has the size of the place as BTF knows it, and must fit in there.
struct KernelValue {
  enum class Kind : std::uint8_t { kTyped, kU32, kU64, kBytes, kOrMask };
  Kind kind = Kind::kTyped;
  std::uint64_t number = 0;  // all but kBytes; kOrMask: the bits of a u32 to set, with the guest paused only
  bool negative = false;     // of kTyped: `number` is the two's complement of a number below 0
  std::vector<std::byte> bytes;  // of kBytes

  static KernelValue Unsigned(std::uint64_t value) { return {Kind::kTyped, value, false, {}}; }
  static KernelValue Signed(std::int64_t value) {
    return {Kind::kTyped, static_cast<std::uint64_t>(value), value < 0, {}};
  }
  static KernelValue U32(std::uint32_t value) { return {Kind::kU32, value, false, {}}; }
  static KernelValue U64(std::uint64_t value) { return {Kind::kU64, value, false, {}}; }
  static KernelValue Bytes(std::vector<std::byte> value) {
    return {Kind::kBytes, 0, false, std::move(value)};
  }
  static KernelValue OrMask(std::uint32_t mask) { return {Kind::kOrMask, mask, false, {}}; }
};

/// One entry of a batch.
struct KernelRead {
  KernelTarget target;
  KernelWidth width;
};
struct KernelWrite {
  KernelTarget target;
  KernelValue value;
};

/// What a read found. A number unless `bytes` is not empty.
struct KernelReadValue {
  std::uint64_t number = 0;  // sign-extended when `is_signed`
  bool is_signed = false;    // take `number` as int64_t
  std::uint32_t size = 0;    // bytes that were read
  std::vector<std::byte>
      bytes;  // of a kBytes read, and of typed ones of what is no number (an array, a struct)

  friend bool operator==(const KernelReadValue&, const KernelReadValue&) = default;
};

/// For reports and checks: "4294937296", "-20"; bytes as hex, two digits per byte, no spaces: "2f6b7473".
std::string ToText(const KernelReadValue& value);
/// For messages: "jiffies_64", "init_task.se.load.weight", "0xffff888000001000", "runqueues.nr_running of CPU
/// 1", "scx.dsq_vtime of task 123", "cfg.level of a BPF program".
std::string ToText(const KernelTarget& target);

}  // namespace ktstr::vmm
