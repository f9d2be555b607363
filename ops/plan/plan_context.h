// Planning: turning Ops into resolved guest requests. One pass does two jobs: it finds every mistake of
// names and lifetimes (so `lint` is a plan whose requests are thrown away), and it yields the exact list of
// requests that `run` sends and `--dry-run` prints. Pure: no clock, no files, no VM.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "guest-init/wire/messages.h"
#include "ops/plan/broken_places.h"
#include "ops/plan/cgroup_def.h"
#include "ops/plan/diagnostics.h"
#include "ops/plan/scenario_state.h"

namespace ktstr {

/// What planning needs of the declaration of a payload or a scheduler.
struct PayloadPlan {
  std::string name;
  std::string binary;  // its name in kPayloadBin
  std::vector<std::string> args;
  std::vector<std::string> env;
  bool own_process_group = true;
  bool reads_output = false;                // metrics come from it, so all of it is needed
  std::optional<AttachBudget> attach = {};  // it is a scheduler, whose names are apart from payloads'
  // Of a scheduler that the kernel has built in, and that therefore has no program:
  std::vector<KernelFileWrite> enable = {};  // not empty
  std::vector<KernelFileWrite> disable = {};
  [[nodiscard]] bool IsBuiltIn() const { return !enable.empty(); }
};

/// What the guest is asked to do.
struct GuestRequest {
  AnyStruct message;  // one of RequestTypes() of the wire
  /// Of a ReadFile: the Args of the Op that gets the content (OpDecl::receive). Else nothing.
  AnyStruct receiver = {};
};

/// What the host does itself, without telling the guest.
struct HostAction {
  AnyStruct
      args;  // of an Op that has OpDecl::run, or one of the planner's own actions (interpreter/plan/plan.h)
};

/// One thing that happens in a run, with where it came from.
struct PlannedRequest {
  std::variant<GuestRequest, HostAction> what;
  std::string path;         // document path of the Op or section it serves
  std::string label;        // for plans, events and errors: "SetCpuset hot -> 0-1"
  Duration budget;          // guest time it may take beyond the ordinary (holds, waits)
  std::uint32_t phase = 0;  // its index: 0 is BASELINE
  bool cleanup = false;     // not written by the author: the end of a step or of the run

  /// Null when it is the host's.
  [[nodiscard]] const GuestRequest* guest() const { return std::get_if<GuestRequest>(&what); }
  /// Null when it is the guest's.
  [[nodiscard]] const HostAction* host() const { return std::get_if<HostAction>(&what); }
  /// The request to the guest, or the Args of the host's action, when it is a T; else null.
  template <typename T>
  [[nodiscard]] const T* As() const {
    const AnyStruct& held = guest() != nullptr ? guest()->message : host()->args;
    return held.Is<T>() ? &held.As<T>() : nullptr;
  }
};

/// How messages say where a task runs: "in cgroup 'hot'"; "outside any cgroup" for "".
std::string InCgroup(const std::string& cgroup);

class PlanContext {
 public:
  /// All references outlive the context. `payloads` are the scenario's declared payloads and schedulers;
  /// `broken` is what could not be read of the scenario, null when all of it could.
  PlanContext(const vmm::Topology& topology, const std::vector<PayloadPlan>& payloads, std::uint64_t seed,
              Diagnostics& diagnostics, const BrokenPlaces* broken = nullptr);

  // ---- where we are (set by the planner, read by Ops through the functions below)
  void EnterSlot(Slot slot, std::string where) {
    slot_ = slot;
    where_ = std::move(where);
  }
  void EnterOp(std::string path) { path_ = std::move(path); }
  /// Whether the Ops that follow are repeated.
  void EnterLoop(bool loop) { in_loop_ = loop; }
  [[nodiscard]] bool in_loop() const { return in_loop_; }
  [[nodiscard]] Slot slot() const { return slot_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Place Here() const { return {path_, where_}; }
  ScenarioState& state() { return state_; }
  [[nodiscard]] const ScenarioState& state() const { return state_; }
  [[nodiscard]] const vmm::Topology& topology() const { return topology_; }

  // ---- diagnostics; `field` is relative to the current Op ("cpus/llc"), "" the Op itself
  void Diagnose(std::string_view field, std::string code, std::string message, std::string hint = "",
                std::vector<Note> notes = {});
  [[nodiscard]] std::size_t diagnostic_count() const { return diagnostic_count_; }
  /// Whether `field`, or something in it, could not be read: then nothing is to be concluded from what it
  /// holds, nor from its absence.
  [[nodiscard]] bool Unread(std::string_view field) const;
  /// From here on, what the unreadable value at `path` may have done is in doubt, and no diagnostic is made
  /// of what would follow from it; with `inside` also what unreadable values in it may have done.
  void Doubt(const std::string& path, bool inside);
  /// What may have been done unseen, at this point.
  [[nodiscard]] NameDoubts Doubts() const;

  // ---- requests
  template <typename T>
  void Emit(T request, std::string label, Duration budget = {}) {
    Add(GuestRequest{AnyStruct::Of(std::move(request))}, std::move(label), budget);
  }
  /// Asks for a file of the guest, whose content the Op with these Args receives.
  template <typename Args>
  void EmitRead(std::string file, Args receiver, std::string label) {
    Add(GuestRequest{AnyStruct::Of(ReadFile{std::move(file)}), AnyStruct::Of(std::move(receiver))},
        std::move(label), {});
  }
  /// Of an Op that the host runs itself.
  template <typename Args>
  void EmitHost(Args args, std::string label) {
    Add(HostAction{AnyStruct::Of(std::move(args))}, std::move(label), {});
  }
  std::vector<PlannedRequest>& requests() { return requests_; }

  // ---- what Ops are made of. Each adds a diagnostic at `field` when it cannot, and planning goes on as if
  // it could, so that one mistake is one diagnostic and hides no other.
  /// Null when there is none: the Op then still checks its other arguments.
  CgroupState* UseCgroup(std::string_view field, std::string_view name);
  /// Never null. After a diagnostic it is the one that exists already, or one that nobody can find.
  CgroupState* MakeCgroup(std::string_view field, const std::string& name);
  /// `cgroup` null: it is not known, the CPUs are checked all the same.
  bool SetCpuset(std::string_view field, CgroupState* cgroup, const CpusetSpec& spec);
  void ClearCpuset(CgroupState& cgroup);
  /// Writes limits of a live cgroup; null: it is not known, the limits are checked all the same.
  void SetLimits(CgroupState* cgroup, const CgroupLimits& limits);
  /// Diagnoses at `field` a path that no Op may read, or with `write` write to, or that is in a cgroup which
  /// there is not. `cgroup` gets the name of the cgroup that it is in, if it is in one.
  bool CheckGuestPath(std::string_view field, const std::string& path, bool write);
  /// Writes to a file of the guest. Unless `keep`, it is put back at the end of the step, or of the scenario.
  void WriteGuestFile(const std::string& path, const std::string& value, std::int32_t expected_errno,
                      bool keep);
  /// Takes a CPU offline or back, until the end of the step, or of the scenario. Diagnoses at "cpu" and
  /// "online".
  void SetCpuOnline(std::uint32_t cpu, bool online);
  /// The guest waits; it counts among the holds.
  void Sleep(Duration time);
  /// At the end of the scenario: what the backdrop has changed of the machine is changed back.
  void EndScenario();
  /// Each gets the cpuset that the other has. Diagnoses one that has none of its own.
  void SwapCpusets(std::string_view field_a, CgroupState& a, std::string_view field_b, CgroupState& b);
  /// The cgroup is thawed, by an Op or because its tasks have to run to end. Diagnoses when one above it
  /// keeps them frozen.
  bool Thaw(std::string_view field, CgroupState& cgroup);
  /// Everything a CgroupDef says; fields are relative to `field` (the def itself).
  void ApplyDef(std::string_view field, const CgroupDef& def);
  /// `cgroup` nullptr: the runner's.
  bool StartWorkers(std::string_view field, CgroupState* cgroup, const WorkSpec& work);
  /// The live groups of workers in the cgroup at field "cgroup" (none: the runner's), or the one of them that
  /// is named at "group". Empty, with a diagnostic, when there are none.
  std::vector<GroupState*> UseWorkers(const std::optional<std::string>& cgroup,
                                      const std::optional<std::string>& group);
  /// Moves the workers in `from` ("": the runner's) into a live cgroup. Workers of a step that come into a
  /// cgroup of the backdrop are the backdrop's from then on. Fields are "from" and "to".
  void MoveWorkers(const std::string& from, CgroupState& to);
  /// Changes how groups of workers are scheduled; nothing happens when there are none. The plan calls it
  /// "<op> <cgroup> <to> (3 workers)".
  void AdjustWorkers(const std::vector<GroupState*>& groups, ktstr::AdjustWorkers change, std::string_view op,
                     const std::string& to);
  /// What `affinity` comes to for workers in `cgroup` (nullptr: the runner's); nothing, after a diagnostic at
  /// `field`, when no CPU is left. `inherit` is no CPU at all.
  std::optional<TaskCpus> ResolveAffinity(std::string_view field, const Affinity& affinity,
                                          const CgroupState* cgroup);
  /// `cgroup`: the name of a live one, or "" for the runner's.
  bool StartPayload(std::string_view field, const std::string& name, const std::vector<std::string>& args,
                    const std::string& cgroup, std::optional<AwaitReadiness> ready = {});
  /// The one live payload meant by a name at `field` and an optional cgroup at "cgroup" ("" is the un-placed
  /// one). Null when there is none.
  PayloadState* UsePayload(std::string_view field, std::string_view name,
                           const std::optional<std::string>& cgroup);
  /// Attaches a declared scheduler. Diagnoses when another one is attached.
  void AttachScheduler(std::string_view field, std::string_view name);
  /// The one that is attached. Null, with a diagnostic at the Op, when there is none.
  PayloadState* UseScheduler();
  void DetachScheduler(PayloadState& scheduler);
  /// At the end of the scenario.
  void EndScheduler();
  /// A new name for a snapshot, a read, a watch or a list of processes. Only reads and lists may use one
  /// again, as a series.
  bool MakeTag(Tags kind, std::string_view field, const std::string& name);
  /// The run takes up to `count` more snapshots. Diagnoses when not all can be kept.
  bool CountSnapshots(std::string_view field, std::uint64_t count);
  /// The Op needs this kernel symbol; whether there is one shows once the kernel is known.
  void NeedSymbol(std::string_view field, const std::string& name);
  /// Marks what lives in the cgroup as collected.
  void CollectCgroup(std::string_view cgroup);
  /// Ends all step-local things: payloads last-started first, workers, cgroups last-made first.
  void EndStep();

 private:
  void Add(std::variant<GuestRequest, HostAction> what, std::string label, Duration budget) {
    requests_.push_back({std::move(what), path_, std::move(label), budget, state_.phase, cleanup_});
  }
  void EnableControllers(const std::string& cgroup, const CgroupLimits& limits);
  void CheckMems(std::string_view field, const CpuSet& nodes);
  /// What the step has changed of the machine is changed back: files last written first, then CPUs.
  void PutBackChanges();
  /// `nested`: in cgroups below the top ones as well, whose parents then can hold no tasks.
  void NeedController(const std::string& controller, bool nested = true);
  void WriteFile(const std::string& cgroup, std::string file, std::string value);
  /// `cgroup`: null when it is not known.
  void WriteLimits(std::string_view field, const std::string& name, CgroupState* cgroup,
                   const CgroupLimits& limits);
  /// The machine, and the workers' cgroup, get what the type needs.
  void NeedDevices(std::string_view field, const WorkTypeDecl& type, const std::string& cgroup);
  /// Diagnoses a cgroup, named by a parameter of the work, that there is not or that cannot take processes.
  void CheckOtherCgroup(std::string_view field, const WorkSpec& work, const CgroupState* own);
  std::optional<std::uint32_t> CountWorkers(std::string_view field, const WorkSpec& work,
                                            const CgroupState* cgroup);
  [[nodiscard]] CpuSet OnlineCpus() const;
  void EmitCpuOnline(std::uint32_t cpu, bool online, std::string_view why);
  /// The CPUs that its cpuset and those above it leave to a cgroup, of those that are online.
  [[nodiscard]] CpuSet CpusOf(const CgroupState* cgroup);
  void NoteAllowed(const CgroupState& cgroup);
  /// Diagnoses when the tasks of `cgroup` are frozen at this point; `consequence` begins the message.
  bool NeedsThawed(std::string_view field, std::string_view cgroup, const std::string& consequence);
  bool CanStartIn(std::string_view field, const std::string& cgroup);
  void ThawForEndOfStep();
  /// Diagnoses CPUs that an ancestor's cpuset takes away again.
  void CheckNesting(std::string_view field, const CgroupState& cgroup);
  /// Diagnoses `count` more tasks than the pids.max of the cgroup, or of one above it, leaves room for.
  void CheckPids(std::string_view field, CgroupState& cgroup, std::uint32_t count);
  /// Diagnoses a second live group called `name` in `cgroup`; "" is no name.
  void CheckGroupName(std::string_view field, std::string_view cgroup, const std::string& name);
  [[nodiscard]] std::string PathOf(std::string_view field) const;
  /// Puts `${pid:<handle>}`, which the guest knows, in the place of each `${pid:NAME}`.
  bool ResolvePids(std::string_view field, std::string& text);
  [[nodiscard]] const PayloadPlan* FindPayload(std::string_view field, std::string_view name);
  [[nodiscard]] const PayloadPlan* FindScheduler(std::string_view field, std::string_view name);
  /// The one of that name that is a scheduler, or is none. Null, with a diagnostic, when there is none.
  const PayloadPlan* FindProgram(std::string_view field, std::string_view name, bool scheduler);

  const vmm::Topology& topology_;
  const std::vector<PayloadPlan>& payloads_;
  std::uint64_t seed_;
  Diagnostics& diagnostics_;
  ScenarioState state_;
  std::vector<PlannedRequest> requests_;
  Slot slot_ = Slot::kStep;
  std::string where_;
  std::string path_;
  bool cleanup_ = false;
  bool in_loop_ = false;
  std::size_t diagnostic_count_ = 0;
  const BrokenPlaces* broken_;
  NameDoubts lasting_doubts_;  // to the end of the scenario
  NameDoubts step_doubts_;     // to the end of the step
};

}  // namespace ktstr
