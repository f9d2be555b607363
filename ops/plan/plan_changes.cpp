// The part of PlanContext that changes workers while they live.
#include "ops/plan/plan_context.h"
#include "ops/plan/suggest.h"

namespace ktstr {

std::vector<GroupState*> PlanContext::UseWorkers(const std::optional<std::string>& cgroup,
                                                 const std::optional<std::string>& group) {
  if (cgroup && UseCgroup("cgroup", *cgroup) == nullptr) return {};
  std::vector<GroupState*> found;
  std::vector<std::string> names;
  for (GroupState& one : state_.groups) {
    if (one.collected || one.cgroup != cgroup.value_or("")) continue;
    if (!one.name.empty()) names.push_back(one.name);
    if (!group || one.name == *group) found.push_back(&one);
  }
  if (!found.empty() || Doubts().MayMake(Refers::kGroup) || Unread("cgroup") || Unread("group")) return found;
  const std::string where = InCgroup(cgroup.value_or(""));
  if (group) {
    Diagnose("group", "unknown-name", "no work group " + Quote(*group) + " is " + where + " at this point",
             DidYouMean(*group, names));
  } else {
    Diagnose(cgroup ? "cgroup" : "", "no-workers", "no workers are " + where + " at this point",
             "start some with `work:` or Spawn first");
  }
  return found;
}

void PlanContext::MoveWorkers(const std::string& from, CgroupState& to) {
  ktstr::MoveWorkers request;
  request.cgroup = to.name;
  std::uint32_t count = 0;
  bool outlived = false;
  for (const GroupState& group : state_.groups) {
    if (group.collected || group.cgroup != from) continue;
    request.groups.push_back(group.id);
    count += group.count;
    outlived = outlived || (group.slot == Slot::kBackdrop && to.slot == Slot::kStep);
  }
  if (request.groups.empty()) {
    if (Doubts().MayMake(Refers::kGroup) || Unread("from")) return;
    return Diagnose(from.empty() ? "" : "from", "no-workers",
                    "no workers are " + InCgroup(from) + " at this point",
                    "start some with `work:` or Spawn first; payloads are not moved");
  }
  if (outlived && !Unread("to"))
    return Diagnose(
        "to", "ends-too-early",
        "workers of the backdrop cannot move into cgroup " + Quote(to.name) + ", which ends with its step",
        "make " + Quote(to.name) + " in the backdrop", {{to.made.path, "made here", {}}});
  // Those that are below a limited cgroup already count there.
  if (!from.starts_with(to.name + "/")) CheckPids("to", to, count);
  for (const std::uint32_t id : request.groups) {
    GroupState& group = state_.groups[id];
    CheckGroupName("to", to.name, group.name);
    group.earlier_cgroups.push_back(std::exchange(group.cgroup, to.name));
    if (to.slot == Slot::kBackdrop) group.slot = Slot::kBackdrop;
  }
  NoteAllowed(to);
  Emit(std::move(request), "MoveAllTasks " + (from.empty() ? std::string("from outside any cgroup") : from) +
                               " -> " + to.name + " (" + std::to_string(count) +
                               (count == 1 ? " worker)" : " workers)"));
}

void PlanContext::AdjustWorkers(const std::vector<GroupState*>& groups, ktstr::AdjustWorkers change,
                                std::string_view op, const std::string& to) {
  if (groups.empty()) return;
  std::uint32_t count = 0;
  for (const GroupState* group : groups) {
    change.groups.push_back(group->id);
    count += group->count;
  }
  // Each draw of CPUs is another one.
  if (change.cpus) change.cpus->seed = seed_ + state_.groups.size() + requests_.size();
  const std::string& cgroup = groups.front()->cgroup;
  Emit(std::move(change), std::string(op) + " " + (cgroup.empty() ? "the runner's" : cgroup) + " " + to +
                              " (" + std::to_string(count) + (count == 1 ? " worker)" : " workers)"));
}

}  // namespace ktstr
