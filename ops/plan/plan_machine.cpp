// The part of PlanContext that changes the guest itself: its files, its CPUs, its time.
#include <algorithm>
#include <array>

#include "ops/plan/plan_context.h"
#include "ops/plan/suggest.h"

namespace ktstr {
namespace {

/// Where `path` is below the cgroups of the scenario: "hot/cpu.weight"; "" when it is not.
std::string_view BelowCgroups(std::string_view path) {
  const std::string_view parent = kCgroupParent;
  return path.starts_with(parent) && path.size() > parent.size() && path[parent.size()] == '/'
             ? path.substr(parent.size() + 1)
             : std::string_view();
}

/// A file that the plan has to know of, and the Op that writes it.
struct Managed {
  std::string_view file;
  std::string_view op;
};
constexpr std::array kManaged = {
    Managed{"cgroup.procs", "MoveAllTasks"},  Managed{"cgroup.threads", "MoveAllTasks"},
    Managed{"cgroup.freeze", "FreezeCgroup"}, Managed{"cgroup.kill", "SendSignal or StopCgroup"},
    Managed{"cpuset.cpus", "SetCpuset"},
};

/// What PID 1 needs to go on, or what would hold it: it reads and writes these files itself.
std::string WhyReserved(std::string_view path, bool write) {
  const auto within = [&](std::string_view place) {
    return path.starts_with(place) && (path.size() == place.size() || path[place.size()] == '/');
  };
  for (const std::string_view own : {"/proc/1", "/proc/self", "/proc/thread-self"})
    if (within(own)) return "is PID 1's own";
  if (path.starts_with("/dev/")) {
    for (const std::string_view part : {"/dev/vport", "/dev/hvc", "/dev/ttyS", "/dev/console", "/dev/mem",
                                        "/dev/kmem", "/dev/port", "/dev/vd", "/dev/watchdog"})
      if (path.starts_with(part)) return "is what the guest talks to the host by, or its memory or disk";
    if (!write) return "is a device: reading one may never end";
  }
  if (!write) return "";
  constexpr std::string_view kRoot = "/sys/fs/cgroup/";
  if (path.starts_with(kRoot) && BelowCgroups(path).empty())
    return "is of a cgroup that PID 1 itself is in, or that is not the scenario's";
  return "";
}

}  // namespace

bool PlanContext::CheckGuestPath(std::string_view field, const std::string& path, bool write) {
  if (Unread(field)) return false;
  if ((path + "/").find("/../") != std::string::npos || (path + "/").find("/./") != std::string::npos) {
    Diagnose(field, "bad-path", "a path of the guest goes straight to its file", "leave out '.' and '..'");
    return false;
  }
  const std::string why = WhyReserved(path, write);
  if (!why.empty()) {
    Diagnose(field, "reserved-file", path + " " + why);
    return false;
  }
  const std::string_view below = BelowCgroups(path);
  const std::size_t slash = below.rfind('/');
  if (slash != std::string_view::npos && UseCgroup(field, below.substr(0, slash)) == nullptr) return false;
  const std::string_view file = std::string_view(path).substr(path.rfind('/') + 1);
  const auto managed = std::find_if(kManaged.begin(), kManaged.end(),
                                    [&](const Managed& one) { return !below.empty() && one.file == file; });
  const bool hotplug = path.starts_with("/sys/devices/system/cpu/cpu") && file == "online";
  if (write && (managed != kManaged.end() || hotplug)) {
    Diagnose(field, "reserved-file", path + " is written by an Op of its own, which checks know of",
             "use " + std::string(hotplug ? "SetCpuOnline" : managed->op));
    return false;
  }
  // Its file is there once the controller is.
  const std::string controller(file.substr(0, file.find('.')));
  if (slash != std::string_view::npos && controller != "cgroup" && controller != "cpu" &&
      controller != "hugetlb" && controller != "misc" && controller != "rdma" && controller != "irq")
    NeedController(controller);
  return true;
}

void PlanContext::WriteGuestFile(const std::string& path, const std::string& value,
                                 std::int32_t expected_errno, bool keep) {
  ktstr::WriteGuestFile request{path, value, expected_errno, {}};
  const auto pending = [&](const SavedFile& saved) {
    return saved.pending && saved.slot == slot_ && saved.path == path;
  };
  const auto known = std::find_if(state_.saved_files.begin(), state_.saved_files.end(), pending);
  if (keep && known != state_.saved_files.end()) known->pending = false;
  if (!keep && known == state_.saved_files.end()) {
    request.save = static_cast<std::uint32_t>(state_.saved_files.size());
    state_.saved_files.push_back({path, slot_});
  }
  Emit(std::move(request), "WriteGuestFile " + path + " = " + value);
}

void PlanContext::SetCpuOnline(std::uint32_t cpu, bool online) {
  const std::uint32_t cpus = vmm::CpuCount(topology_);
  if (Unread("cpu") || Unread("online")) {
    state_.hotplug_unknown = true;
    if (Unread("cpu")) return;
  }
  if (cpu >= cpus)
    return Diagnose("cpu", "bad-cpuset",
                    "there is no CPU " + std::to_string(cpu) + ": " + vmm::FormatTopology(topology_) +
                        " has " + std::to_string(cpus));
  if (cpu == 0) return Diagnose("cpu", "bad-cpuset", "CPU 0 always stays online on x86", "take another one");
  if (state_.hotplug_unknown) return;
  const auto offline = state_.offline.find(cpu);
  if ((offline == state_.offline.end()) == online) {
    return Diagnose(
        "online", "nothing-to-do",
        "CPU " + std::to_string(cpu) + " is " + (online ? "online" : "offline") + " at this point",
        online ? "" : "it was taken offline in " + offline->second.where,
        online ? std::vector<Note>() : std::vector<Note>{{offline->second.path, "here", {}}});
  }
  const bool first =
      std::none_of(state_.cpu_changes.begin(), state_.cpu_changes.end(),
                   [&](const CpuChange& change) { return change.cpu == cpu && change.slot == slot_; });
  if (first) state_.cpu_changes.push_back({cpu, !online, slot_});
  EmitCpuOnline(cpu, online, "SetCpuOnline");
}

void PlanContext::EmitCpuOnline(std::uint32_t cpu, bool online, std::string_view why) {
  if (online)
    state_.offline.erase(cpu);
  else
    state_.offline.insert_or_assign(cpu, Here());
  Emit(ktstr::SetCpuOnline{cpu, online},
       std::string(why) + ": CPU " + std::to_string(cpu) + (online ? " online" : " offline"));
}

void PlanContext::PutBackChanges() {
  const std::string when = slot_ == Slot::kStep ? "end of step" : "end of scenario";
  for (std::size_t i = state_.saved_files.size(); i-- > 0;) {
    SavedFile& saved = state_.saved_files[i];
    if (saved.slot != slot_ || !std::exchange(saved.pending, false)) continue;
    const std::string_view below = BelowCgroups(saved.path);
    const CgroupState* const cgroup =
        below.empty() ? nullptr : state_.LiveCgroup(below.substr(0, below.rfind('/')));
    // What ends with its cgroup needs no putting back.
    if (!below.empty() && (cgroup == nullptr || cgroup->slot == Slot::kStep)) continue;
    Emit(PutBackFile{static_cast<std::uint32_t>(i)}, when + ": put back " + saved.path);
  }
  for (std::size_t i = state_.cpu_changes.size(); i-- > 0;) {
    const CpuChange change = state_.cpu_changes[i];
    if (change.slot != slot_) continue;
    state_.cpu_changes.erase(state_.cpu_changes.begin() + static_cast<std::ptrdiff_t>(i));
    if (state_.offline.contains(change.cpu) == change.was_online)
      EmitCpuOnline(change.cpu, change.was_online, when);
  }
}

void PlanContext::EndScenario() {
  cleanup_ = true;
  PutBackChanges();
  cleanup_ = false;
  EndScheduler();
}

void PlanContext::Sleep(Duration time) {
  state_.slept.ns = std::min(state_.slept.ns, INT64_MAX - time.ns) + time.ns;
  Emit(Hold{static_cast<std::uint64_t>(time.ns), false}, "Sleep " + FormatDuration(time), time);
}

}  // namespace ktstr
