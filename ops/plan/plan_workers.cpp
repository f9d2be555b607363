// The part of PlanContext that makes a worker group concrete: how many, bound to which CPUs.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "guest-init/wire/codec.h"
#include "ops/plan/plan_context.h"
#include "ops/plan/suggest.h"

namespace ktstr {
namespace {

/// The LLC that shares most CPUs with `pool` (the first on ties), within `pool`.
CpuSet LlcAligned(const vmm::Topology& topology, const CpuSet& pool) {
  CpuSet best;
  for (std::uint32_t llc = 0; llc < topology.llcs; ++llc) {
    CpuSet overlap = vmm::CpusOfLlc(topology, llc).Intersect(pool);
    if (overlap.size() > best.size()) best = std::move(overlap);
  }
  return best;
}

/// The two lowest CPUs of the first core with two siblings in `pool`; empty when there is none.
CpuSet SiblingPair(const vmm::Topology& topology, const CpuSet& pool) {
  for (const std::uint32_t cpu : pool.cpus) {
    CpuSet pair = vmm::SmtSiblings(topology, cpu).Intersect(pool);
    if (pair.size() < 2) continue;
    pair.cpus.resize(2);
    return pair;
  }
  return {};
}

std::vector<std::uint8_t> ParamsOf(const WorkSpec& work) {
  std::vector<std::byte> bytes;
  EncodeStruct(*work.type.decl(), work.type.data(), bytes);
  std::vector<std::uint8_t> params;
  for (const std::byte byte : bytes) params.push_back(static_cast<std::uint8_t>(byte));
  return params;
}

}  // namespace

std::optional<std::uint32_t> PlanContext::CountWorkers(std::string_view field, const WorkSpec& work,
                                                       const CgroupState* cgroup) {
  const std::uint32_t group = GroupSize(*FindWorkType(work.type.decl()->name), work.type.data());
  if (group == 0) return std::nullopt;  // the type's own rules have said why
  if (!work.workers) return group;
  if (work.workers->count > 0) return work.workers->count;
  const CpuSet own = cgroup != nullptr && cgroup->cpuset ? *cgroup->cpuset : UsableCpus(topology_);
  const std::size_t cpus = own.Intersect(OnlineCpus()).size();
  const double exact = static_cast<double>(cpus) * work.workers->of_cpus;
  // A number of any size until it is known to be within the limit.
  const double groups = std::ceil(std::max(1.0, std::ceil(exact - 1e-9)) / group);
  const double count = groups * group;
  constexpr double kMost = 10'000;
  if (count <= kMost || Unread(std::string(field) + "/workers"))
    return static_cast<std::uint32_t>(std::min(count, kMost));
  Diagnose(std::string(field) + "/workers", "out-of-range",
           fmt::format("{:.0f} workers are more than the limit of {:.0f}", count, kMost));
  return std::nullopt;
}

std::optional<TaskCpus> PlanContext::ResolveAffinity(std::string_view field, const Affinity& affinity,
                                                     const CgroupState* cgroup) {
  const CpuSet all = vmm::AllCpus(topology_);
  const CpuSet pool = CpusOf(cgroup);
  TaskCpus bound;
  const auto use = [&](const CpuSet& mask, const std::string& why_empty) -> std::optional<TaskCpus> {
    if (mask.empty() && !Unread(field)) Diagnose(field, "bad-affinity", why_empty);
    if (mask.empty()) return std::nullopt;
    bound.cpus = mask.cpus;
    return bound;
  };
  if (affinity.cpus)
    return use(affinity.cpus->Intersect(pool), "none of the CPUs " + FormatCpus(*affinity.cpus) +
                                                   " is among the cgroup's (" + FormatCpus(pool) + ")");
  if (affinity.random) {
    const CpuSet from = affinity.random->from ? affinity.random->from->Intersect(pool) : pool;
    bound.random_count = std::min(affinity.random->count, static_cast<std::uint32_t>(from.size()));
    return use(from, "none of the CPUs to draw from is among the cgroup's (" + FormatCpus(pool) + ")");
  }
  switch (affinity.kind) {
    case AffinityKind::kInherit:
      return bound;
    case AffinityKind::kLlcAligned:
      return use(LlcAligned(topology_, pool), "the cgroup has no CPU");
    case AffinityKind::kCrossCgroup:
      return use(all, "");
    case AffinityKind::kSingleCpu:
      return use(pool.empty() ? pool : CpuSet{{pool.cpus.front()}}, "the cgroup has no CPU");
    case AffinityKind::kSmtSiblingPair:
      return use(SiblingPair(topology_, pool), "no core of " + vmm::FormatTopology(topology_) +
                                                   " has two SMT siblings among the CPUs " +
                                                   FormatCpus(pool));
  }
  return std::nullopt;
}

void PlanContext::CheckPids(std::string_view field, CgroupState& cgroup, std::uint32_t count) {
  for (CgroupState* limited = &cgroup; limited != nullptr; limited = state_.ParentOf(*limited)) {
    if (!limited->pids_max) continue;
    const auto inside = [&](const std::string& name) {
      return name == limited->name || name.starts_with(limited->name + "/");
    };
    std::uint64_t tasks = count;
    for (const GroupState& group : state_.groups)
      if (!group.collected && inside(group.cgroup)) tasks += group.count;
    for (const std::uint32_t handle : state_.running)
      if (inside(state_.payloads[handle].cgroup)) ++tasks;
    if (tasks <= *limited->pids_max || Doubts().MayEnd()) continue;
    return Diagnose(field, "too-many",
                    "with " +
                        std::string(count == 1 ? "this task" : "these " + std::to_string(count) + " tasks") +
                        " there would be " + std::to_string(tasks) + " in cgroup '" + limited->name +
                        "', whose pids.max is " + std::to_string(*limited->pids_max),
                    "raise `pids: {max: N}`");
  }
}

void PlanContext::CheckGroupName(std::string_view field, std::string_view cgroup, const std::string& name) {
  if (name.empty() || Unread(field)) return;
  for (const GroupState& group : state_.groups) {
    if (group.collected || group.cgroup != cgroup || group.name != name) continue;
    Diagnose(field, "duplicate-name",
             "two work groups of " +
                 (cgroup.empty() ? "the runner's cgroup" : "cgroup '" + group.cgroup + "'") +
                 " would be named '" + group.name + "'",
             "", {{group.made.path, "the first one, in " + group.made.where, {}}});
    return;
  }
}

void PlanContext::NeedDevices(std::string_view field, const WorkTypeDecl& type, const std::string& cgroup) {
  Place here = Here();
  if (!field.empty()) here.path += "/" + std::string(field);
  if (type.needs_disk && !state_.disk) state_.disk = here;
  if (type.needs_nics && !state_.nics) state_.nics = here;
  // Those of the top have it always.
  if (type.needs_cpu_controller && cgroup.find('/') != std::string::npos) NeedController("cpu");
}

void PlanContext::CheckOtherCgroup(std::string_view field, const WorkSpec& work, const CgroupState* own) {
  const WorkTypeDecl& type = *FindWorkType(work.type.decl()->name);
  if (type.other_cgroup_of == nullptr) return;
  const OtherCgroup other = type.other_cgroup_of(work.type.data());
  const std::string at = std::string(field) + "/" + std::string(other.field);
  if (Unread(at)) return;
  CgroupState* const cgroup = UseCgroup(at, other.name);
  if (cgroup == nullptr) return;
  if (cgroup == own)
    return Diagnose(at, "bad-cgroup", "cgroup " + Quote(other.name) + " is the one that the workers are in",
                    "name another one");
  if (!CanStartIn(at, cgroup->name) || state_.controllers.empty()) return;
  for (const CgroupState& child : state_.cgroups) {
    if (state_.ParentOf(child) != cgroup) continue;
    return Diagnose(at, "bad-cgroup",
                    "cgroup " + Quote(other.name) + " may hold no processes: it has the cgroup " +
                        Quote(child.name) + " below it, which has controllers",
                    "name one without any below it", {{child.made.path, "made here", {}}});
  }
}

bool PlanContext::StartWorkers(std::string_view field, CgroupState* cgroup, const WorkSpec& work) {
  if (work.type.decl() == nullptr) return false;  // the decoder has complained
  if (cgroup != nullptr && !CanStartIn(field, cgroup->name)) return false;
  if (state_.groups.size() >= kMaxGroups) {
    Diagnose(field, "too-many", fmt::format("a run starts at most {} groups of workers", kMaxGroups),
             "repeat less often, or start more workers at once");
    return false;
  }
  const std::optional<std::uint32_t> count = CountWorkers(field, work, cgroup);
  ktstr::StartWorkers request;
  request.group = static_cast<std::uint32_t>(state_.groups.size());
  request.cgroup = cgroup != nullptr ? cgroup->name : std::string();
  request.count = count.value_or(0);
  request.work_type = work.type.decl()->name;
  request.work_params = ParamsOf(work);
  for (const GroupState& other : state_.groups)
    if (!other.collected && other.cgroup == request.cgroup) ++request.group_idx;
  const TaskPolicy policy = PolicyOf(work.policy, work.rt_priority, work.deadline);
  request.policy = policy.policy;
  request.rt_priority = policy.rt_priority;
  request.dl_runtime_ns = policy.dl_runtime_ns;
  request.dl_deadline_ns = policy.dl_deadline_ns;
  request.dl_period_ns = policy.dl_period_ns;
  request.nice = work.nice;
  request.comm = work.comm.value_or("");
  request.uid = work.uid;
  request.gid = work.gid;
  request.seed = seed_ + request.group;
  CheckGroupName(std::string(field) + "/name", request.cgroup, work.name.value_or(""));
  CheckOtherCgroup(field, work, cgroup);
  if (cgroup != nullptr && count)
    CheckPids(std::string(field) + (work.workers ? "/workers" : ""), *cgroup, *count);
  const std::optional<TaskCpus> bound =
      ResolveAffinity(std::string(field) + "/affinity", work.affinity, cgroup);
  if (!bound || !count) return false;
  request.affinity = bound->cpus;
  request.affinity_random_count = bound->random_count;

  NeedDevices(field, *FindWorkType(request.work_type), request.cgroup);

  GroupState group;
  group.id = request.group;
  group.cgroup = request.cgroup;
  group.name = work.name.value_or("");
  if (!Unread(std::string(field) + "/type")) group.work_type = request.work_type;
  group.group_idx = request.group_idx;
  group.count = *count;
  group.slot = slot_;
  group.phase = state_.phase;
  group.made = Here();
  group.always_restricted = cgroup != nullptr && cgroup->cpuset.has_value();
  if (group.always_restricted) group.allowed = *cgroup->cpuset;
  state_.groups.push_back(std::move(group));
  std::string label = "Spawn " + std::to_string(*count) + " x " + request.work_type +
                      (request.cgroup.empty() ? "" : " in " + request.cgroup);
  Emit(std::move(request), std::move(label));
  return true;
}

}  // namespace ktstr
