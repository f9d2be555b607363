#include "ops/plan/plan_context.h"

#include <algorithm>

#include "ops/plan/suggest.h"

namespace ktstr {
namespace {

std::string JoinNames(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + Quote(name);
  return out;
}

}  // namespace

std::string InCgroup(const std::string& cgroup) {
  return cgroup.empty() ? std::string("outside any cgroup") : "in cgroup " + Quote(cgroup);
}

PlanContext::PlanContext(const vmm::Topology& topology, const std::vector<PayloadPlan>& payloads,
                         std::uint64_t seed, Diagnostics& diagnostics, const BrokenPlaces* broken)
    : topology_(topology),
      payloads_(payloads),
      seed_(seed),
      diagnostics_(diagnostics),
      broken_(broken != nullptr && !broken->empty() ? broken : nullptr) {}

// ---- what could not be read

std::string PlanContext::PathOf(std::string_view field) const {
  return field.empty() ? path_ : path_ + "/" + std::string(field);
}

bool PlanContext::Unread(std::string_view field) const {
  return broken_ != nullptr && broken_->Touches(PathOf(field));
}

void PlanContext::Doubt(const std::string& path, bool inside) {
  if (broken_ == nullptr) return;
  (slot_ == Slot::kStep ? step_doubts_ : lasting_doubts_)
      .Add(inside ? broken_->DoubtsIn(path) : broken_->DoubtsAt(path));
}

NameDoubts PlanContext::Doubts() const {
  NameDoubts doubts = lasting_doubts_;
  doubts.Add(step_doubts_);
  return doubts;
}

void PlanContext::Diagnose(std::string_view field, std::string code, std::string message, std::string hint,
                           std::vector<Note> notes) {
  ++diagnostic_count_;
  diagnostics_.Add({.code = std::move(code),
                    .path = PathOf(field),
                    .message = std::move(message),
                    .hint = std::move(hint),
                    .notes = std::move(notes)});
}

// ---- cgroups

CgroupState* PlanContext::UseCgroup(std::string_view field, std::string_view name) {
  if (CgroupState* cgroup = state_.LiveCgroup(name)) return cgroup;
  if (Doubts().MayMake(Refers::kCgroup)) return nullptr;
  if (const CgroupState* gone = state_.RemovedCgroup(name)) {
    Diagnose(field, "unknown-name", "cgroup " + Quote(name) + " no longer exists at this point",
             "it ended in " + gone->removed->where, {{gone->removed->path, "it ended here", {}}});
    return nullptr;
  }
  const std::vector<std::string> names = state_.LiveCgroupNames();
  std::string hint = DidYouMean(name, names);
  if (!hint.empty()) {
    const CgroupState& close = *state_.LiveCgroup(*ClosestName(name, names));
    hint = "did you mean " + Quote(close.name) + " (created in " + close.made.where + ")?";
  } else if (names.empty()) {
    hint = state_.removed.empty() ? "no cgroup exists yet; declare one under `cgroups:`"
                                  : "those of earlier steps ended with their steps";
  } else {
    hint = "alive here: " + JoinNames(names);
  }
  Diagnose(field, "unknown-name", "no cgroup " + Quote(name) + " is alive at this point", std::move(hint));
  return nullptr;
}

CgroupState* PlanContext::MakeCgroup(std::string_view field, const std::string& name) {
  const NameDoubts doubts = Doubts();
  if (Unread(field)) {
    return &state_.removed.insert_or_assign(name, CgroupState{name, slot_, std::nullopt, Here(), Here()})
                .first->second;
  }
  if (CgroupState* live = state_.LiveCgroup(name)) {
    if (!doubts.MayEnd())
      Diagnose(field, "duplicate-name", "cgroup " + Quote(name) + " already exists",
               "it was created in " + live->made.where, {{live->made.path, "created here", {}}});
    return live;
  }
  if (const std::size_t slash = name.rfind('/'); slash != std::string::npos &&
                                                 state_.LiveCgroup(name.substr(0, slash)) == nullptr &&
                                                 !doubts.MayMake(Refers::kCgroup)) {
    Diagnose(field, "unknown-name",
             "the parent cgroup " + Quote(name.substr(0, slash)) + " does not exist at this point",
             "create " + Quote(name.substr(0, slash)) + " first");
  }
  // Without it a cgroup is no group to the scheduler: its tasks would compete one by one with all others, and
  // the first `cpu:` of a scenario would change what every other cgroup gets. A nested one is a group of its
  // own when it has a `cpu:`: its parent could hold no tasks otherwise.
  NeedController("cpu", false);
  // A parent with processes of its own cannot hand controllers to children (cgroup v2's rule of no inner
  // processes).
  Emit(CreateCgroup{name}, "AddCgroup " + name);
  state_.cgroups.push_back({name, slot_, std::nullopt, Here()});
  return &state_.cgroups.back();
}

bool PlanContext::NeedsThawed(std::string_view field, std::string_view cgroup,
                              const std::string& consequence) {
  const CgroupState* freezer = state_.FreezerOf(cgroup);
  if (freezer == nullptr || Doubts().MayThaw()) return true;
  Diagnose(field, "cgroup-frozen",
           consequence + ": " + (freezer->name == cgroup ? "it" : Quote(freezer->name) + " above it") +
               " is frozen at this point",
           "thaw " + Quote(freezer->name) + " with UnfreezeCgroup first (frozen in " +
               freezer->frozen->where + ")",
           {{freezer->frozen->path, "frozen here", {}}});
  return false;
}

bool PlanContext::CanStartIn(std::string_view field, const std::string& cgroup) {
  return NeedsThawed(field, cgroup, "nothing can start in cgroup " + Quote(cgroup));
}

bool PlanContext::Thaw(std::string_view field, CgroupState& cgroup) {
  if (cgroup.frozen) cgroup.thawed = Here();
  cgroup.frozen.reset();
  return NeedsThawed(field, cgroup.name, "the tasks of cgroup " + Quote(cgroup.name) + " cannot run on");
}

void PlanContext::NeedController(const std::string& controller, bool nested) {
  if (state_.controllers.contains(controller)) return;
  const bool on_top = !state_.top_controllers.insert(controller).second;
  if (on_top && !nested) return;
  if (nested) state_.controllers.insert(controller);
  Emit(ktstr::EnableControllers{{controller}, nested},
       "enable the " + controller + " controller" + (on_top ? " for nested cgroups" : ""));
}

void PlanContext::WriteFile(const std::string& cgroup, std::string file, std::string value) {
  std::string label = cgroup + ": " + file + " = " + value;
  Emit(WriteCgroupFile{cgroup, std::move(file), std::move(value)}, std::move(label));
}

void PlanContext::ApplyDef(std::string_view field, const CgroupDef& def) {
  const std::string base = field.empty() ? std::string() : std::string(field) + "/";
  EnableControllers(def.name, def);
  if (def.cpuset) NeedController("cpuset");
  CgroupState* const made = MakeCgroup(base + "name", def.name);
  if (def.cpuset) SetCpuset(base + "cpuset", made, *def.cpuset);
  WriteLimits(field, def.name, made, def);
  for (std::size_t i = 0; i < def.work.size(); ++i)
    StartWorkers(base + "work/" + std::to_string(i), made, def.work[i]);
  if (def.payload)
    StartPayload(base + "payload", *def.payload, {}, made->removed ? PathOf(base + "name") : def.name);
}

// ---- payloads

const PayloadPlan* PlanContext::FindProgram(std::string_view field, std::string_view name, bool scheduler) {
  std::vector<std::string> names;
  for (const PayloadPlan& program : payloads_) {
    if (program.attach.has_value() != scheduler) continue;
    if (program.name == name) return &program;
    names.push_back(program.name);
  }
  if (Doubts().MayMake(scheduler ? Refers::kScheduler : Refers::kPayload)) return nullptr;
  const std::string what = scheduler ? "scheduler" : "payload";
  std::string hint = DidYouMean(name, names);
  if (hint.empty())
    hint = names.empty() ? "declare it under `" + what + "s:`" : "declared: " + JoinNames(names);
  Diagnose(field, "unknown-name", "no " + what + " " + Quote(name) + " is declared", std::move(hint));
  return nullptr;
}

const PayloadPlan* PlanContext::FindPayload(std::string_view field, std::string_view name) {
  return FindProgram(field, name, false);
}

PayloadState* PlanContext::UsePayload(std::string_view field, std::string_view name,
                                      const std::optional<std::string>& cgroup) {
  const bool declared = FindPayload(field, name) != nullptr;
  // The cgroup may have ended since; of one that never was nothing can have run in it.
  if (cgroup && !cgroup->empty() && state_.RemovedCgroup(*cgroup) == nullptr &&
      UseCgroup("cgroup", *cgroup) == nullptr)
    return nullptr;
  if (!declared) return nullptr;
  const auto meant = [&](const PayloadState& payload) {
    return payload.name == name && (!cgroup || payload.cgroup == *cgroup);
  };
  std::vector<PayloadState*> live;
  for (const std::uint32_t handle : state_.running)
    if (meant(state_.payloads[handle])) live.push_back(&state_.payloads[handle]);
  if (live.size() == 1) return live.front();
  const auto last = std::find_if(state_.payloads.rbegin(), state_.payloads.rend(), meant);
  const NameDoubts doubts = Doubts();
  if (live.size() > 1) {
    if (doubts.MayEnd() || Unread("cgroup")) return nullptr;
    std::vector<std::string> places;
    for (const PayloadState* payload : live) places.push_back(payload->cgroup);
    Diagnose(field, "ambiguous-name",
             "payload " + Quote(name) + " runs in several cgroups: " + JoinNames(places),
             "say which with `cgroup:`");
  } else if (doubts.MayStart()) {
    return nullptr;
  } else if (last != state_.payloads.rend()) {
    Diagnose(field, "already-consumed", "payload " + Quote(name) + " has already ended at this point",
             "it was finished in " + last->consumed->where, {{last->consumed->path, "finished here", {}}});
  } else {
    const std::string what = cgroup ? " was never started " + InCgroup(*cgroup) : " was never started";
    Diagnose(field, "never-started", "payload " + Quote(name) + what, "start it with RunPayload first");
  }
  return nullptr;
}

// ---- the end of things

void PlanContext::CollectCgroup(std::string_view cgroup) {
  for (GroupState& group : state_.groups)
    if (group.cgroup == cgroup) group.collected = true;
  for (const std::uint32_t handle : std::vector(state_.running))
    if (state_.payloads[handle].cgroup == cgroup) state_.Consume(state_.payloads[handle], Here());
}

/// What the step leaves behind has to run to end, also in a cgroup of the backdrop that is frozen.
void PlanContext::ThawForEndOfStep() {
  const auto thaw = [&](const std::string& cgroup) {
    while (CgroupState* const freezer = state_.FreezerOf(cgroup)) {
      freezer->frozen.reset();
      freezer->thawed = Place{path_, where_ + ", at its end"};
      Emit(SetFrozen{freezer->name, false}, "end of step: thaw cgroup " + freezer->name);
    }
  };
  for (const GroupState& group : state_.groups)
    if (!group.collected && group.slot == Slot::kStep) thaw(group.cgroup);
  for (const CgroupState& cgroup : state_.cgroups)
    if (cgroup.slot == Slot::kStep) thaw(cgroup.name);
}

void PlanContext::EndStep() {
  cleanup_ = true;
  step_doubts_ = {};
  const std::vector<std::uint32_t> running = state_.running;
  for (auto handle = running.rbegin(); handle != running.rend(); ++handle) {
    PayloadState& payload = state_.payloads[*handle];
    if (payload.slot != Slot::kStep) continue;
    state_.Consume(payload, Here());
    Emit(StopPayload{*handle}, "end of step: stop payload " + payload.name);
  }
  ThawForEndOfStep();
  StopWorkers stop;
  for (GroupState& group : state_.groups) {
    if (group.collected || group.slot != Slot::kStep) continue;
    group.collected = true;
    stop.groups.push_back(group.id);
  }
  if (!stop.groups.empty()) Emit(std::move(stop), "end of step: collect workers");
  const std::vector<std::string> alive = state_.LiveCgroupNames();
  PutBackChanges();
  for (auto name = alive.rbegin(); name != alive.rend(); ++name) {
    CgroupState& cgroup = *state_.LiveCgroup(*name);
    if (cgroup.slot != Slot::kStep) continue;
    state_.Remove(cgroup, Place{path_, "the end of " + where_});
    Emit(DestroyCgroup{*name}, "end of step: remove cgroup " + *name);
  }
  cleanup_ = false;
}

}  // namespace ktstr
