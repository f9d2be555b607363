#include "interpreter/plan/programs.h"

#include <cstring>
#include <set>
#include <utility>

#include "vmm/kernel/schedulers.h"

namespace ktstr {
namespace {

std::string BaseName(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

std::vector<KernelFileWrite> WritesOf(const std::vector<KernelFileValue>& values) {
  std::vector<KernelFileWrite> writes;
  for (const KernelFileValue& value : values) writes.push_back({value.file, value.value});
  return writes;
}

/// What a scheduler's program is called with; `index` is the scheduler's among those of the scenario.
std::vector<std::string> ArgumentsOf(const SchedulerDef& scheduler, std::size_t index) {
  if (scheduler.object.empty()) return scheduler.args;
  std::vector<std::string> args;
  if (!scheduler.ops.empty()) args.insert(args.end(), {"--ops", scheduler.ops});
  for (const auto& [name, value] : scheduler.variables.items)
    args.insert(args.end(), {"--set", name + "=" + value.text});
  args.push_back(SchedulerFilePath(index, scheduler.object));
  return args;
}

void Replace(std::string& text, std::string_view place, const std::string& with) {
  for (std::size_t at = text.find(place); at != std::string::npos; at = text.find(place, at + with.size()))
    text.replace(at, place.size(), with);
}

PayloadPlan PlanOf(const std::string& name, const SchedulerDef& scheduler, std::size_t index, Clock clock) {
  PayloadPlan plan;
  plan.name = name;
  plan.attach = AttachBudgetOf(scheduler, clock);
  plan.enable = WritesOf(scheduler.enable);
  plan.disable = WritesOf(scheduler.disable);
  plan.binary = !scheduler.object.empty()
                    ? std::string(vmm::kObjectLoader)
                    : BaseName(scheduler.use.empty() ? scheduler.binary : scheduler.use);
  plan.args = ArgumentsOf(scheduler, index);
  plan.env = scheduler.env;
  if (!scheduler.object.empty()) return plan;
  for (std::vector<std::string>* texts : {&plan.args, &plan.env}) {
    for (std::string& text : *texts) {
      Replace(text, kConfigPlace, SchedulerFilePath(index, scheduler.config));
      Replace(text, kCgroupParentPlace, kCgroupParent + std::strlen(kCgroupRoot));
    }
  }
  return plan;
}

/// What `schedulers build` makes; `name` is a shipped scheduler's, or that of the loader of objects.
NamedProgram Shipped(std::string path, std::string_view name, const ProgramPlaces& places) {
  NamedProgram program{.path = std::move(path), .source = {"", places.scenario_dir, true}};
  const auto found = [&]() -> Result<std::filesystem::path> {
    return vmm::FindBuiltScheduler(TRY(vmm::SchedulerCacheDir()), name, places.kernel_version);
  }();
  if (found.ok())
    program.source.binary = found->string();
  else
    program.fault = found.error().message;
  return program;
}

/// What it brings along beside programs that others ship, too.
void AddFilesOf(const SchedulerDef& scheduler, std::size_t index, const std::string& at,
                const ProgramPlaces& places, std::vector<NamedProgram>& programs) {
  const auto add = [&](std::string_view key, const std::string& file) {
    programs.push_back({.path = JoinPath(at, key),
                        .source = {file, places.scenario_dir, scheduler.from_user || places.host_files,
                                   SchedulerFilePath(index, file)}});
  };
  if (!scheduler.config.empty()) add("config", scheduler.config);
  if (scheduler.object.empty()) return;
  add("object", scheduler.object);
  programs.back().of_object = &scheduler;
}

}  // namespace

std::string SchedulerFilePath(std::size_t index, std::string_view file) {
  return "/payload/files/" + std::to_string(index) + "/" + BaseName(file);
}

std::vector<PayloadPlan> ProgramPlans(const Scenario& scenario) {
  std::vector<PayloadPlan> plans;
  for (const auto& [name, scheduler] : scenario.schedulers.items)
    plans.push_back(PlanOf(name, scheduler, plans.size(), scenario.clock));
  for (const auto& [name, payload] : scenario.payloads.items)
    plans.push_back({name, BaseName(payload.binary), payload.args, payload.env, payload.own_process_group,
                     payload.output.parse != OutputParse::kExitCode});
  return plans;
}

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
    programs.push_back(
        {.path = std::move(path), .source = {program, places.scenario_dir, from_user || places.host_files}});
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
  std::size_t index = 0;
  for (const auto& [name, scheduler] : scenario.schedulers.items) {
    const std::size_t its = index++;
    if (!wanted(true, name)) continue;
    const std::string at = JoinPath("schedulers", name);
    if (!scheduler.binary.empty()) add(at + "/binary", scheduler.binary, scheduler.from_user);
    if (!scheduler.use.empty() && shipped) programs.push_back(Shipped(at + "/use", scheduler.use, places));
    if (!scheduler.object.empty() && shipped)
      programs.push_back(Shipped(at + "/object", vmm::kObjectLoader, places));
    AddFilesOf(scheduler, its, at, places, programs);
    add_includes(at, scheduler.include);
  }
  if (used != nullptr && used->probed)
    programs.push_back(Shipped("", std::string(vmm::kProbeProgram), places));
  return programs;
}

}  // namespace ktstr
