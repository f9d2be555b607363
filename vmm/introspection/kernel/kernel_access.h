// Reads and writes of the guest kernel's memory by target: finds the place, checks the range and the type,
// and moves the bytes. Whoever calls says whether the guest runs meanwhile; pausing it is pause.h's
// business.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/introspection/kernel/kernel_target.h"
#include "vmm/introspection/memory/kernel_memory.h"

namespace ktstr::vmm {

/// Whether the guest runs while its memory is touched. kHot: a number is one load or store, hence must be
/// naturally aligned; what reads first and then writes (or_mask, a bitfield) is refused; what was checked
/// about a task may no longer hold at the write. kCold: the caller holds the guest paused.
enum class KernelMode : std::uint8_t { kHot, kCold };
/// Why a place is looked for: some checks only matter to writes.
enum class KernelIntent : std::uint8_t { kRead, kWrite };

/// What BTF says of a place.
struct PlaceType {
  std::uint32_t size = 0;        // bytes
  std::uint32_t bit_offset = 0;  // of a bitfield
  std::uint32_t bit_size = 0;    // 0: not a bitfield
  bool is_number = false;        // integers, enums, bools, characters, pointers
  bool is_signed = false;
  std::string type_name;
};

/// Where a target is at this moment: pointers on the way were followed.
struct ResolvedPlace {
  std::uint64_t address = 0;       // runtime, virtual
  std::uint64_t end = UINT64_MAX;  // nothing at or above may be touched
  bool authored = false;  // the author gave the address, so what is wrong with it is the scenario's fault
  std::optional<PlaceType> type;  // none: the target has no type, and any width goes
  std::string name;               // ToText(target), for messages
};

/// Finds the place. Errors (kInput unless noted):
///   symbols          those of KernelView::Symbol(); "'x' has no known type; say `type:` to use the field
///   'a'" paths            those of Btf::Path(); (kGuest) "x.a: a pointer on the way is null", "... cannot be
///   read" Direct           "0x10 is not in the direct map (0xffff888000000000 to 0xffff88801fffffff)"
///   Virtual          "0x10 is not a kernel address (those begin at 0xff00000000000000)"
///   PerCpu           those of KernelView::PerCpu(); "the kernel's BTF does not know the type of 'x'"
///   Task             those of FindTask() (task_field.h)
///   BpfGlobal        those of FindBpfGlobal(); to write: "x is a constant of its program: the verifier has
///                    built its value into the code"
Result<ResolvedPlace> Resolve(const KernelView& view, const KernelTarget& target,
                              KernelIntent intent = KernelIntent::kRead);

/// Reads what `target` is. A width other than kTyped must agree with the type, when there is one: a number's
/// size exactly, bytes at most the size. Errors: those of Resolve(); kInput about width and alignment; memory
/// that is not mapped: "x: 0xffff... is not mapped" or "x: only 96 of 128 bytes are mapped", kInput for
/// addresses that the author gave and kGuest for others.
Result<KernelReadValue> ReadKernel(const KernelView& view, const KernelTarget& target, KernelWidth width,
                                   KernelMode mode);

/// Writes. All bytes are written or, unless the machine is dying, none. Errors: as of ReadKernel(), and
/// kInput: "rq.nr_running is an unsigned integer of 4 bytes; 4294967296 does not fit", "or_mask needs the
/// guest paused: use WriteKernelCold".
Result<> WriteKernel(const KernelView& view, const KernelTarget& target, const KernelValue& value,
                     KernelMode mode);

/// The entries in order. The first that fails ends it: its error begins with "entry[2]: "; what was written
/// before stays, what was read before is not returned.
Result<std::vector<KernelReadValue>> ReadBatch(const KernelView& view, std::span<const KernelRead> entries,
                                               KernelMode mode);
Result<> WriteBatch(const KernelView& view, std::span<const KernelWrite> entries, KernelMode mode);

}  // namespace ktstr::vmm
