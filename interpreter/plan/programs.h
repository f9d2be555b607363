// The programs and files that a scenario brings into the guest: where on the host each is, and how the guest
// starts the programs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "interpreter/plan/plan.h"
#include "vmm/image/initramfs.h"

namespace ktstr {

struct NamedProgram {
  std::string path;                         // document path of its name
  vmm::PayloadSource source;                // of a shipped scheduler that is not built: an empty `binary`
  std::string fault = {};                   // why there is none
  const SchedulerDef* of_object = nullptr;  // it is the BPF object of this one, which outlives it
};

/// Where they are looked for.
struct ProgramPlaces {
  std::filesystem::path scenario_dir;
  bool host_files = false;     // the user allows files outside it
  std::string kernel_version;  // for the shipped schedulers that were built for it; "": any
};

/// The programs of all payloads and schedulers, with what each includes, and the files that they are given,
/// in the order of their declaration; `used` not null: only of those that this plan starts. `shipped`: also
/// those that `schedulers build` makes, which lie in the user's cache. `scenario` outlives them.
std::vector<NamedProgram> ProgramsOf(const Scenario& scenario, const ProgramPlaces& places,
                                     const RunPlan* used, bool shipped);

/// Where in the guest a file is that belongs to a scheduler; `index` is the scheduler's among those of the
/// scenario, so that two may have files of one name.
std::string SchedulerFilePath(std::size_t index, std::string_view file);

/// How the guest starts the schedulers of a scenario, in their order, and its payloads. Pure.
std::vector<PayloadPlan> ProgramPlans(const Scenario& scenario);

}  // namespace ktstr
