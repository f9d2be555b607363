// The part of PlanContext that knows which CPUs a cgroup may use.
#include "ops/plan/plan_context.h"
#include "ops/plan/suggest.h"

namespace ktstr {

void PlanContext::NoteAllowed(const CgroupState& cgroup) {
  for (GroupState& group : state_.groups) {
    if (group.collected || group.cgroup != cgroup.name) continue;
    if (!cgroup.cpuset) {
      group.always_restricted = false;
    } else {
      for (const std::uint32_t cpu : cgroup.cpuset->cpus) group.allowed.Add(cpu);
    }
  }
}

bool PlanContext::SetCpuset(std::string_view field, CgroupState* cgroup, const CpusetSpec& spec) {
  Result<CpuSet> cpus = ResolveCpuset(spec, topology_);
  if (!cpus.ok() || Unread(field)) {
    if (!Unread(field)) Diagnose(field, "bad-cpuset", cpus.error().message);
    if (cgroup == nullptr) return false;
    cgroup->cpuset.reset();  // nothing is concluded from the one before
    cgroup->cpuset_unknown = true;
    return false;
  }
  if (cgroup == nullptr) return false;
  NeedController("cpuset");
  cgroup->cpuset_unknown = false;
  cgroup->cpuset = *cpus;
  WriteFile(cgroup->name, "cpuset.cpus", FormatCpus(*cpus));
  NoteAllowed(*cgroup);
  CheckNesting(field, *cgroup);
  if (cpus->Intersect(OnlineCpus()).empty())
    Diagnose(field, "bad-cpuset",
             "CPU" + std::string(cpus->size() == 1 ? " " : "s ") + FormatCpus(*cpus) +
                 (cpus->size() == 1 ? " is" : " are") + " offline at this point",
             "", {{state_.offline.begin()->second.path, "taken offline here", {}}});
  return true;
}

void PlanContext::CheckNesting(std::string_view field, const CgroupState& cgroup) {
  for (const CgroupState* above = state_.ParentOf(cgroup); above != nullptr;
       above = state_.ParentOf(*above)) {
    if (!above->cpuset) continue;
    CpuSet outside;
    for (const std::uint32_t cpu : cgroup.cpuset->cpus)
      if (!above->cpuset->Contains(cpu)) outside.Add(cpu);
    if (!outside.empty())
      Diagnose(field, "bad-cpuset",
               (outside.size() == 1 ? "CPU " + FormatCpus(outside) + " is"
                                    : "CPUs " + FormatCpus(outside) + " are") +
                   " not in the cpuset of " + Quote(above->name) + " (" + FormatCpus(*above->cpuset) +
                   "), so no task of " + Quote(cgroup.name) + " can run there");
    return;
  }
}

void PlanContext::ClearCpuset(CgroupState& cgroup) {
  NeedController("cpuset");
  cgroup.cpuset_unknown = false;
  cgroup.cpuset.reset();
  // The kernel refuses to empty the cpuset of a cgroup with tasks (ENOSPC). All CPUs means the same: what is
  // effective is their intersection with the parent's, now and later.
  WriteFile(cgroup.name, "cpuset.cpus", FormatCpus(vmm::AllCpus(topology_)));
  NoteAllowed(cgroup);
}

void PlanContext::SwapCpusets(std::string_view field_a, CgroupState& a, std::string_view field_b,
                              CgroupState& b) {
  const bool unknown = a.cpuset_unknown || b.cpuset_unknown;
  bool lacking = false;
  const auto need = [&](std::string_view field, const CgroupState& cgroup) {
    if (cgroup.cpuset || unknown) return;
    lacking = true;
    Diagnose(field, "no-cpuset", "cgroup " + Quote(cgroup.name) + " has no cpuset of its own at this point",
             "give it one with `cpuset:` or SetCpuset");
  };
  need(field_a, a);
  need(field_b, b);
  if (lacking) return;
  std::swap(a.cpuset, b.cpuset);
  a.cpuset_unknown = b.cpuset_unknown = unknown;
  if (unknown) return;
  for (const auto& [field, cgroup] : {std::pair(field_a, &a), std::pair(field_b, &b)}) {
    WriteFile(cgroup->name, "cpuset.cpus", FormatCpus(*cgroup->cpuset));
    NoteAllowed(*cgroup);
    CheckNesting(field, *cgroup);
  }
}

CpuSet PlanContext::OnlineCpus() const {
  CpuSet cpus = vmm::AllCpus(topology_);
  std::erase_if(cpus.cpus, [&](std::uint32_t cpu) { return state_.offline.contains(cpu); });
  return cpus;
}

CpuSet PlanContext::CpusOf(const CgroupState* cgroup) {
  CpuSet cpus = OnlineCpus();
  for (; cgroup != nullptr; cgroup = state_.ParentOf(*cgroup))
    if (cgroup->cpuset) cpus = cpus.Intersect(*cgroup->cpuset);
  return cpus;
}

}  // namespace ktstr
