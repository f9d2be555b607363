#include "ops/plan/scenario_state.h"

namespace ktstr {

void ScenarioState::Consume(PayloadState& payload, Place here) {
  payload.consumed = std::move(here);
  std::erase(running, payload.handle);
}

CgroupState* ScenarioState::LiveCgroup(std::string_view name) {
  for (CgroupState& cgroup : cgroups)
    if (cgroup.name == name) return &cgroup;
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

void ScenarioState::Remove(CgroupState& cgroup, Place here) {
  cgroup.removed = std::move(here);
  removed.insert_or_assign(cgroup.name, cgroup);
  cgroups.remove_if([&](const CgroupState& one) { return &one == &cgroup; });
}

const CgroupState* ScenarioState::RemovedCgroup(std::string_view name) const {
  const auto found = removed.find(name);
  return found == removed.end() ? nullptr : &found->second;
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
  for (const CgroupState& cgroup : cgroups) names.push_back(cgroup.name);
  return names;
}

}  // namespace ktstr
