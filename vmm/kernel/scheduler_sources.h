// The sources of our own scheduler (workloads/scheduler/), carried inside the program: they are compiled
// beside the kernel's example schedulers, whose makefile knows how.
#pragma once

#include <span>
#include <string_view>

namespace ktstr::vmm {

/// One source file.
struct CarriedSource {
  std::string_view file;  // its name, without a directory
  std::string_view text;
};

/// The files of the scheduler ktstr_scx; they live as long as the program.
std::span<const CarriedSource> OurSchedulerSources();

}  // namespace ktstr::vmm
