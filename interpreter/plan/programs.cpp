#include "interpreter/plan/programs.h"

#include <set>
#include <utility>

#include "vmm/kernel/schedulers.h"

namespace ktstr {
namespace {

NamedProgram Shipped(std::string path, const std::string& name, const ProgramPlaces& places) {
  NamedProgram program{std::move(path), {"", places.scenario_dir, true}, ""};
  const auto found = [&]() -> Result<std::filesystem::path> {
    return vmm::FindBuiltScheduler(TRY(vmm::SchedulerCacheDir()), name, places.kernel_version);
  }();
  if (found.ok())
    program.source.binary = found->string();
  else
    program.fault = found.error().message;
  return program;
}

}  // namespace

std::vector<NamedProgram> ProgramsOf(const Scenario& scenario, const ProgramPlaces& places,
                                     const RunPlan* used, bool shipped) {
  std::vector<NamedProgram> programs;
  std::set<std::pair<bool, std::string>> started;
  if (used != nullptr)
    for (const PayloadState& payload : used->payloads) started.emplace(payload.scheduler, payload.name);
  const auto wanted = [&](bool scheduler, const std::string& name) {
    return used == nullptr || started.contains({scheduler, name});
  };
  const auto add = [&](std::string path, const std::string& program, bool from_user) {
    programs.push_back({std::move(path), {program, places.scenario_dir, from_user || places.host_files}, ""});
  };
  const auto add_includes = [&](const std::string& at, const std::vector<std::string>& include) {
    for (std::size_t i = 0; i < include.size(); ++i) add(JoinPath(at + "/include", i), include[i], false);
  };
  for (const auto& [name, payload] : scenario.payloads.items) {
    if (!wanted(false, name)) continue;
    const std::string at = JoinPath("payloads", name);
    if (!payload.binary.empty()) add(at + "/binary", payload.binary, false);
    add_includes(at, payload.include);
  }
  for (const auto& [name, scheduler] : scenario.schedulers.items) {
    if (!wanted(true, name)) continue;
    const std::string at = JoinPath("schedulers", name);
    if (!scheduler.binary.empty()) add(at + "/binary", scheduler.binary, scheduler.from_user);
    if (!scheduler.use.empty() && shipped) programs.push_back(Shipped(at + "/use", scheduler.use, places));
    add_includes(at, scheduler.include);
  }
  return programs;
}

}  // namespace ktstr
