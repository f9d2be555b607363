// The sources of our own scheduler, of the loader of BPF objects and of the probe (workloads/scheduler/),
// carried inside the program: they are compiled beside the kernel's example schedulers, whose makefile knows
// how.
#pragma once

#include <span>
#include <string_view>

namespace ktstr::vmm {

/// One source file.
struct CarriedSource {
  std::string_view program;  // that it is of
  std::string_view file;     // its name, without a directory
  std::string_view text;
};

/// All of them, ktstr_scx's table of faults last; they live as long as the program.
std::span<const CarriedSource> OurSchedulerSources();

}  // namespace ktstr::vmm
