// The guest of one variant: what machine it needs, and how it is brought to where the scenario begins.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "interpreter/plan/plan.h"
#include "vmm/template/machine_pool.h"

namespace ktstr {

struct RunEnvironment;  // run_environment.h

/// What a variant needs of a machine. Two variants with the same `shape` can be clones of one template.
struct GuestNeeds {
  vmm::TemplateSpec shape;
  std::vector<vmm::InitramfsFile> files;  // the payloads' files that are sent to it after its start
};

/// Which payloads the plan starts, and thus the files, memory, topology and clock of its guest. With the
/// virtual clock the files are part of the shape: bytes that arrive while the guest runs would arrive at
/// another moment of its time in each run. Errors (kInput): a payload's program that cannot be packed;
/// `bad_path` is then its document path; files that do not fit into the memory the author asked for.
Result<GuestNeeds> NeedsOf(const RunPlan& plan, const std::filesystem::path& dir,
                           const RunEnvironment& environment, std::string& bad_path);

}  // namespace ktstr
