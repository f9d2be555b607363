// The plan of a run that is made again with probes, because it failed under a scheduler.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "interpreter/plan/plan.h"

namespace ktstr {

/// The kernel functions of an exit stack that are worth a probe, outermost last and each once: without those
/// that are in every stack, those that are the BPF program's, and what is no name of a function. `stack` is
/// the kernel's: "scx_watchdog_workfn+0x5b/0x80".
std::vector<std::string> FunctionsToProbe(const std::vector<std::string>& stack);

/// The plan with the probe (vmm::kProbeProgram) as its last payload: it is ready before the first scheduler
/// is attached, and awaited after the last was detached. The machine stays what it was: `memory_mib` is what
/// that had. REQUIRES: the plan attaches a scheduler.
RunPlan WithProbe(RunPlan plan, const std::vector<std::string>& functions, std::uint32_t memory_mib);

}  // namespace ktstr
