// The part of PlanContext that writes the limits of cgroups.
#include "ops/plan/plan_context.h"

namespace ktstr {

void PlanContext::EnableControllers(const std::string& name, const CgroupLimits& limits) {
  if (limits.cpu && name.find('/') != std::string::npos) NeedController("cpu");
  if (limits.mems) NeedController("cpuset");
  if (limits.memory) NeedController("memory");
  if (limits.io) NeedController("io");
  if (limits.pids) NeedController("pids");
}

void PlanContext::CheckMems(std::string_view field, const CpuSet& nodes) {
  if (Unread(field)) return;
  for (const std::uint32_t node : nodes.cpus)
    if (node >= topology_.numa_nodes)
      Diagnose(field, "bad-cpuset",
               "there is no NUMA node " + std::to_string(node) + ": " + vmm::FormatTopology(topology_) +
                   " has " + std::to_string(topology_.numa_nodes));
}

void PlanContext::WriteLimits(std::string_view field, const std::string& name, CgroupState* cgroup,
                              const CgroupLimits& limits) {
  const std::string base = field.empty() ? std::string() : std::string(field) + "/";
  if (limits.mems) CheckMems(base + "mems", *limits.mems);
  const auto size = [](const SizeLimit& limit) {
    return limit.unlimited ? std::string("max") : std::to_string(limit.bytes);
  };
  if (limits.mems) WriteFile(name, "cpuset.mems", FormatCpus(*limits.mems));
  if (limits.cpu && limits.cpu->weight) WriteFile(name, "cpu.weight", std::to_string(*limits.cpu->weight));
  if (limits.cpu && limits.cpu->max) {
    const CpuMax& max = *limits.cpu->max;
    const std::string quota = max.unlimited ? "max" : std::to_string(max.quota.ns / 1000);
    WriteFile(name, "cpu.max", quota + " " + std::to_string(max.period.ns / 1000));
  }
  if (limits.memory && limits.memory->max) WriteFile(name, "memory.max", size(*limits.memory->max));
  if (limits.memory && limits.memory->high) WriteFile(name, "memory.high", size(*limits.memory->high));
  if (limits.memory && limits.memory->low)
    WriteFile(name, "memory.low", std::to_string(limits.memory->low->bytes));
  if (limits.memory && limits.memory->swap_max)
    WriteFile(name, "memory.swap.max", size(*limits.memory->swap_max));
  if (limits.io) WriteFile(name, "io.weight", std::to_string(limits.io->weight));
  if (limits.pids) WriteFile(name, "pids.max", std::to_string(limits.pids->max));
  if (limits.pids && cgroup != nullptr && !Unread(base + "pids")) cgroup->pids_max = limits.pids->max;
}

void PlanContext::SetLimits(CgroupState* cgroup, const CgroupLimits& limits) {
  const std::string name = cgroup != nullptr ? cgroup->name : std::string();
  if (cgroup != nullptr) EnableControllers(name, limits);
  const std::size_t before = requests_.size();
  WriteLimits("", name, cgroup, limits);
  if (cgroup == nullptr) requests_.resize(before);  // only its mistakes count
}

}  // namespace ktstr
