#include "guest-init/task_waits.h"

#include <algorithm>
#include <utility>

namespace ktstr::guest {

std::optional<Wait> TaskWaits::Look(pid_t tid, const TaskLook& look, const WaitMoment& moment) {
  if (!look.schedstat) return std::nullopt;  // nothing tells a task that runs from one that waits
  Task& task = tasks_[tid];
  const bool ran = task.cpu_ns != look.cpu_ns || task.run_count != look.run_count;
  task.cpu_ns = look.cpu_ns;
  task.run_count = look.run_count;
  if (look.state != TaskState::kRunnable) {
    task.waits_since.reset();
    return std::nullopt;
  }
  if (ran || !task.waits_since) {
    task.waits_since = moment;
    return std::nullopt;
  }
  return Wait{*task.waits_since, moment, look.cpu};
}

bool TaskWaits::Waits(pid_t tid) const {
  const auto task = tasks_.find(tid);
  return task != tasks_.end() && task->second.waits_since.has_value();
}

std::vector<pid_t> TaskWaits::LongestFirst(std::size_t most) const {
  std::vector<std::pair<std::uint64_t, pid_t>> waiting;
  for (const auto& [tid, task] : tasks_)
    if (task.waits_since) waiting.emplace_back(task.waits_since->now_ns, tid);
  std::sort(waiting.begin(), waiting.end());
  std::vector<pid_t> tids;
  for (const auto& [since, tid] : waiting)
    if (tids.size() < most) tids.push_back(tid);
  return tids;
}

}  // namespace ktstr::guest
