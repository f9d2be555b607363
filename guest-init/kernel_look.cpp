#include "guest-init/kernel_look.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "guest-init/base/clock.h"
#include "guest-init/base/file_io.h"
#include "guest-init/base/units.h"
#include "workloads/worker/nodes.h"
#include "workloads/worker/system_probe.h"

namespace ktstr::guest {
namespace {

TaskState StateOf(char letter) {
  switch (letter) {
    case 'R':
      return TaskState::kRunnable;
    case 'S':
    case 'I':
      return TaskState::kSleeping;
    case 'D':
      return TaskState::kBlocked;
    case 'T':
    case 't':
      return TaskState::kStopped;
    case 'Z':
    case 'X':
      return TaskState::kDead;
    default:
      return TaskState::kUnknown;
  }
}

}  // namespace

TaskStat ParseTaskStat(std::string_view text) {
  // The state is the first field behind the name, the parent the 2nd, the process group and the session
  // follow, the flags are the 7th, the CPU is the 37th.
  constexpr int kParentField = 1;
  constexpr int kGroupField = 2;
  constexpr int kSessionField = 3;
  constexpr int kFlagsField = 6;
  constexpr int kCpuField = 36;
  TaskStat stat;
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 >= text.size()) return stat;
  text.remove_prefix(name_end + 2);
  stat.state = StateOf(text.front());
  for (int field = 0; field < kCpuField; ++field) {
    if (field == kParentField) std::from_chars(text.data(), text.data() + text.size(), stat.parent);
    if (field == kSessionField) std::from_chars(text.data(), text.data() + text.size(), stat.session);
    if (field == kGroupField) std::from_chars(text.data(), text.data() + text.size(), stat.process_group);
    if (field == kFlagsField) std::from_chars(text.data(), text.data() + text.size(), stat.flags);
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return stat;
    text.remove_prefix(space + 1);
  }
  std::from_chars(text.data(), text.data() + text.size(), stat.cpu);
  return stat;
}

std::uint64_t ParseThrottled(std::string_view text) {
  constexpr std::uint64_t kNsPerUs = 1000;
  return ParseVmstat(text, "throttled_usec") * kNsPerUs;
}

TaskLook LookAtThread(pid_t tid) {
  TaskLook look;
  const std::string proc = "/proc/" + std::to_string(tid);
  if (const auto schedstat = ParseSchedstat(ReadSmallFile((proc + "/schedstat").c_str()))) {
    look.schedstat = true;
    look.cpu_ns = schedstat->cpu_time_ns;
    look.run_delay_ns = schedstat->run_delay_ns;
    look.run_count = schedstat->run_count;
  }
  const TaskStat stat = ParseTaskStat(ReadSmallFile((proc + "/stat").c_str()));
  look.state = stat.state;
  look.cpu = stat.cpu;
  return look;
}

TaskLook LookAtTask(pid_t pid) {
  TaskLook look = LookAtThread(pid);
  // Read last, and exact: schedstat is as old as the last tick while the task runs.
  look.cpu_ns = std::max(look.cpu_ns, CpuTimeNs(pid));
  return look;
}

std::uint64_t CpuTimeNs(pid_t pid) {
  clockid_t clock{};
  return clock_getcpuclockid(pid, &clock) == 0 ? ReadClockNs(clock) : 0;
}

bool IsExiting(pid_t pid) {
  constexpr std::uint32_t kExiting = 0x4;  // PF_EXITING
  const std::string stat = ReadSmallFile(("/proc/" + std::to_string(pid) + "/stat").c_str());
  return (ParseTaskStat(stat).flags & kExiting) != 0;
}

std::uint64_t ThrottledNs(const CgroupTree& tree, const std::string& cgroup) {
  std::uint64_t total = 0;
  for (std::string above = cgroup; !above.empty();) {
    total += ParseThrottled(ReadSmallFile((tree.Path(above) + "/cpu.stat").c_str()));
    const std::size_t slash = above.rfind('/');
    above.resize(slash == std::string::npos ? 0 : slash);
  }
  return total;
}

std::vector<std::uint32_t> EffectiveCpus(const CgroupTree& tree, const std::string& cgroup) {
  if (cgroup.empty()) return {};
  return ReadNumbers(tree.Path(cgroup) + "/cpuset.cpus.effective");
}

}  // namespace ktstr::guest
