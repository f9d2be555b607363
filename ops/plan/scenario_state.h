// What exists at a point of a scenario: cgroups, worker groups, payloads, with the places that made them. It
// is advanced by planning alone, so every name and lifetime is known before any VM starts.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "guest-init/base/units.h"

namespace ktstr {

/// Where something was made or ended: a document path, and words for messages ("step 'warm'").
struct Place {
  std::string path;
  std::string where;
};

/// Step-local things end with their step, backdrop things with the scenario.
enum class Slot { kStep, kBackdrop };

struct CgroupState {
  std::string name;
  Slot slot = Slot::kStep;
  std::optional<CpuSet> cpuset;  // as last set; nullopt: inherited
  Place made;
  std::optional<Place> removed = {};  // set once it is gone
  std::optional<Place> frozen = {};   // set while it is frozen by itself; one above it freezes it too
  std::optional<Place> thawed = {};   // where a freeze of it last ended, for messages
  std::optional<std::uint64_t> pids_max = {};
  bool cpuset_unknown = false;  // it could not be read: nothing follows from `cpuset`
};

struct GroupState {
  std::uint32_t id = 0;
  std::string cgroup;                             // where it is at this point; "" is the runner's
  std::vector<std::string> earlier_cgroups = {};  // where it was before it was moved
  std::string name;                               // "": it has none
  std::string work_type;                          // "": it could not be read
  std::uint32_t group_idx = 0;                    // among those that were in the cgroup when it was started
  std::uint32_t count = 0;
  Slot slot = Slot::kStep;
  std::uint32_t phase = 0;  // the phase it was started in
  bool collected = false;
  bool always_restricted = true;  // false once it could run anywhere
  CpuSet allowed;                 // every CPU its cgroup allowed it while it lived
  Place made;
};

/// One start of a payload, or of a scheduler.
struct PayloadState {
  std::uint32_t handle = 0;
  std::string name;
  std::string cgroup;
  Slot slot = Slot::kStep;
  std::uint32_t phase = 0;
  Place made;
  std::optional<Place> consumed;  // waited for, killed, or collected with its cgroup or step; detached
  bool scheduler = false;         // `name` is one of `schedulers:`
  bool built_in = false;          // and of the kernel's own: it has no program, and no process
};

/// What an author names so that checks can refer to it; each kind has its own names.
enum class Tags : std::uint8_t { kSnapshot, kRead, kWatch, kProcs, kFile };
inline constexpr std::size_t kTagKinds = 5;

/// This many snapshots of a run are kept; then each new one takes the place of the oldest.
inline constexpr std::size_t kMaxSnapshots = 64;

/// This many groups of workers a run starts at most.
inline constexpr std::size_t kMaxGroups = 10'000;

struct TagState {
  std::string name;
  Place made;
};

/// A file of the guest whose content the guest has kept; its number is its place in the list.
struct SavedFile {
  std::string path;
  Slot slot = Slot::kStep;
  bool pending = true;  // it is to be put back yet
};
/// What a CPU was before an Op of that slot changed it first.
struct CpuChange {
  std::uint32_t cpu = 0;
  bool was_online = true;
  Slot slot = Slot::kStep;
};

/// A kernel symbol by name, where it was written.
struct NeededSymbol {
  std::string name;
  std::string path;  // document path
};

struct ScenarioState {
  std::list<CgroupState> cgroups;  // those that are alive, in order of creation
  std::map<std::string, CgroupState, std::less<>>
      removed;                            // by name the newest one that is gone, for messages
  std::vector<GroupState> groups;         // index == id
  std::vector<PayloadState> payloads;     // index == handle; schedulers are among them
  std::vector<std::uint32_t> running;     // handles of the payloads that are not consumed, in order
  std::optional<std::uint32_t> attached;  // handle of the scheduler that is attached
  bool attached_unknown = false;          // one was to be whose name there is not
  std::set<std::string> controllers;      // enabled so far
  std::set<std::string> top_controllers;  // those of them, and those that only top cgroups have
  std::uint32_t phase = 0;
  std::vector<NeededSymbol> symbols;
  std::optional<Place> disk;  // where the first worker that writes to one was asked for
  std::optional<Place> nics;  // the same of one that sends frames
  std::array<std::vector<TagState>, kTagKinds> tags;  // in order of first use
  std::uint64_t snapshots =
      0;  // asked for so far, as far as their number is known; periodic ones are not in it

  std::vector<SavedFile> saved_files = {};
  std::map<std::uint32_t, Place> offline = {};  // CPUs, and where they were taken
  std::vector<CpuChange> cpu_changes = {};      // to be undone, in order
  bool hotplug_unknown = false;  // a change of CPUs could not be read: nothing follows from these
  Duration slept = {};           // by the Op Sleep

  [[nodiscard]] std::vector<TagState>& TagsOf(Tags kind) { return tags[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] const std::vector<TagState>& TagsOf(Tags kind) const {
    return tags[static_cast<std::size_t>(kind)];
  }
  /// The payload has ended here. REQUIRES: it is running.
  void Consume(PayloadState& payload, Place here);
  CgroupState* LiveCgroup(std::string_view name);
  /// The cgroup is gone from here on. REQUIRES: it is alive; the reference ends with the call.
  void Remove(CgroupState& cgroup, Place here);
  /// The next cgroup above it that is alive; null when there is none.
  CgroupState* ParentOf(const CgroupState& cgroup);
  /// The newest cgroup of that name that was removed, for messages.
  [[nodiscard]] const CgroupState* RemovedCgroup(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> LiveCgroupNames() const;
  /// The live cgroup that keeps the tasks of `cgroup` frozen: itself, else the nearest one above it; nullptr:
  /// they run.
  CgroupState* FreezerOf(std::string_view cgroup);
};

}  // namespace ktstr
