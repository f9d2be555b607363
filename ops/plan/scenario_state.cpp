#include "ops/plan/scenario_state.h"

namespace ktstr {

CgroupState* ScenarioState::LiveCgroup(std::string_view name) {
  for (CgroupState& cgroup : cgroups)
    if (cgroup.name == name && !cgroup.removed) return &cgroup;
  return nullptr;
}

CgroupState* ScenarioState::ParentOf(const CgroupState& cgroup) {
  std::string_view name = cgroup.name;
  for (std::size_t slash = name.rfind('/'); slash != std::string_view::npos; slash = name.rfind('/')) {
    name = name.substr(0, slash);
    if (CgroupState* parent = LiveCgroup(name)) return parent;
  }
  return nullptr;
}

const CgroupState* ScenarioState::RemovedCgroup(std::string_view name) const {
  for (auto cgroup = cgroups.rbegin(); cgroup != cgroups.rend(); ++cgroup)
    if (cgroup->name == name && cgroup->removed) return &*cgroup;
  return nullptr;
}

CgroupState* ScenarioState::FreezerOf(std::string_view cgroup) {
  while (!cgroup.empty()) {
    CgroupState* const live = LiveCgroup(cgroup);
    if (live != nullptr && live->frozen) return live;
    const std::size_t slash = cgroup.rfind('/');
    cgroup = cgroup.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
  return nullptr;
}

std::vector<std::string> ScenarioState::LiveCgroupNames() const {
  std::vector<std::string> names;
  for (const CgroupState& cgroup : cgroups)
    if (!cgroup.removed) names.push_back(cgroup.name);
  return names;
}

}  // namespace ktstr
