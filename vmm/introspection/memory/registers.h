// The registers of all virtual CPUs, as QEMU's monitor prints them: one round trip for all of them, with the
// interrupt table's base, which the debugger's protocol does not tell.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/host/deadline.h"

namespace ktstr::vmm {

class Machine;

/// Of one virtual CPU. Of a CPU outside 64-bit mode those that exist, zero-extended.
struct CpuRegisters {
  std::uint64_t rip = 0;
  std::uint64_t rsp = 0;
  std::uint64_t gs_base = 0;  // in the kernel: of the CPU's per-CPU area, less __per_cpu_start
  std::uint64_t idt_base = 0;
  std::uint64_t cr3 = 0;
  std::uint64_t cr4 = 0;
  std::uint32_t cpl = 0;  // 0: in the kernel, 3: in user mode
  bool halted = false;    // waits for an interrupt

  friend bool operator==(const CpuRegisters&, const CpuRegisters&) = default;
};

/// The answer to `info registers -a`, by CPU. Errors (kMachine): "QEMU's registers have no CPU", "QEMU's
/// registers of CPU 1 have no CR3", "QEMU's registers tell of CPU 2 after 0 others".
Result<std::vector<CpuRegisters>> ParseRegisters(std::string_view text);

/// Asks QEMU. Of a guest that runs the registers are of slightly different moments. Errors: those of
/// Machine::Command() and ParseRegisters().
Result<std::vector<CpuRegisters>> ReadRegisters(Machine& machine, Deadline deadline);

}  // namespace ktstr::vmm
