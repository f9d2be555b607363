// The programs that a scenario brings into the guest, and where on the host each is.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "interpreter/plan/plan.h"
#include "vmm/image/initramfs.h"

namespace ktstr {

struct NamedProgram {
  std::string path;           // document path of its name
  vmm::PayloadSource source;  // of a shipped scheduler that is not built: an empty `binary`
  std::string fault;          // why there is none
};

/// Where they are looked for.
struct ProgramPlaces {
  std::filesystem::path scenario_dir;
  bool host_files = false;     // the user allows files outside it
  std::string kernel_version;  // for the shipped schedulers that were built for it; "": any
};

/// The programs of all payloads and schedulers, with what each includes, in the order of their declaration;
/// `used` not null: only of those that this plan starts. `shipped`: also those of schedulers that are named
/// by `use`, which lie in the user's cache.
std::vector<NamedProgram> ProgramsOf(const Scenario& scenario, const ProgramPlaces& places,
                                     const RunPlan* used, bool shipped);

}  // namespace ktstr
