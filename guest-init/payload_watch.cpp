#include "guest-init/payload_watch.h"

#include <algorithm>

#include "guest-init/base/file_io.h"

namespace ktstr::guest {
namespace {

std::string ProcFile(pid_t tid, const char* name) {
  return ReadLine("/proc/" + std::to_string(tid) + "/" + name);
}

}  // namespace

/// Which tasks there are now, and whose they are. What a task is does not change but for its name.
void PayloadWatch::Find(const std::vector<WatchedPayload>& payloads) {
  std::map<std::string, std::set<pid_t>> in;
  for (const WatchedPayload& payload : payloads) {
    if (in.contains(payload.cgroup)) continue;
    const std::vector<pid_t> threads = tree_.Threads(payload.cgroup);
    in[payload.cgroup] = {threads.begin(), threads.end()};
  }
  for (auto task = tasks_.begin(); task != tasks_.end();) {
    const auto where = in.find(task->second.cgroup);
    if (where != in.end() && where->second.erase(task->first) > 0) {
      ++task;
      continue;
    }
    waits_.Forget(task->first);
    task = tasks_.erase(task);
  }
  for (const auto& found : in)
    for (const pid_t tid : found.second) {
      const std::string& cgroup = found.first;
      const TaskStat stat = ParseTaskStat(ProcFile(tid, "stat"));
      const auto owner = std::find_if(payloads.begin(), payloads.end(), [&](const auto& payload) {
        return payload.cgroup == cgroup &&
               (payload.pid == tid || payload.pid == stat.process_group || payload.pid == stat.session);
      });
      Task task{std::nullopt, cgroup};
      if (owner != payloads.end())
        task.payload = owner->handle;
      else if (const auto parent = tasks_.find(stat.parent); parent != tasks_.end())
        task.payload = parent->second.payload;  // it has a session of its own
      tasks_.emplace(tid, std::move(task));
    }
}

void PayloadWatch::LookAt(pid_t tid, std::uint64_t now_ns, std::uint64_t machine_stopped_ns,
                          std::uint32_t phase) {
  const Task& task = tasks_.at(tid);
  const TaskLook look = LookAtThread(tid);
  WaitMoment moment{now_ns, 0, machine_stopped_ns};
  if (look.state == TaskState::kRunnable) moment.throttled_ns = ThrottledNs(tree_, task.cgroup);
  const std::optional<Wait> wait = waits_.Look(tid, look, moment);
  if (!wait) return;
  longest_ns_ = std::max(longest_ns_, wait->ns());
  if (wait->ns() < kWorthKeepingNs) return;
  TaskWait& longest = longest_[*task.payload];
  if (longest.end_ns - longest.begin_ns > wait->ns()) return;
  // One that goes on behind a phase is that phase's.
  const bool goes_on = longest.tid == tid && longest.begin_ns == wait->begin.now_ns;
  if (goes_on && phase == kBetweenPhases) phase = longest.phase;
  longest = {tid,
             ProcFile(tid, "comm"),
             wait->cpu,
             phase,
             wait->begin.now_ns,
             wait->end.now_ns,
             wait->end.throttled_ns - wait->begin.throttled_ns,
             wait->end.machine_stopped_ns - wait->begin.machine_stopped_ns};
}

void PayloadWatch::Look(const std::vector<WatchedPayload>& payloads, std::uint64_t now_ns,
                        std::uint64_t machine_stopped_ns, std::uint32_t phase) {
  Find(payloads);
  longest_ns_ = 0;
  std::vector<pid_t> before, behind;  // the turn goes on behind the last one
  for (const auto& [tid, task] : tasks_)
    if (task.payload && !waits_.Waits(tid)) (tid > turn_ ? behind : before).push_back(tid);
  behind.insert(behind.end(), before.begin(), before.end());
  const std::vector<pid_t> waiting = waits_.LongestFirst(kTasksPerLook);
  for (const pid_t tid : waiting) LookAt(tid, now_ns, machine_stopped_ns, phase);
  // A few of the others have their turn however many wait.
  const std::size_t turns = std::max(kTasksPerLook / 4, kTasksPerLook - waiting.size());
  for (std::size_t i = 0; i < std::min(turns, behind.size()); ++i) {
    turn_ = behind[i];
    LookAt(turn_, now_ns, machine_stopped_ns, phase);
  }
}

void PayloadWatch::LookAtWaiting(std::uint64_t now_ns, std::uint64_t machine_stopped_ns,
                                 std::uint32_t phase) {
  longest_ns_ = 0;
  for (const pid_t tid : waits_.LongestFirst(kTasksPerLook)) LookAt(tid, now_ns, machine_stopped_ns, phase);
}

void PayloadWatch::Clear() {
  tasks_.clear();
  waits_ = {};
  longest_ns_ = 0;
}

std::optional<TaskWait> PayloadWatch::Take(std::uint32_t handle) {
  const auto found = longest_.find(handle);
  if (found == longest_.end()) return std::nullopt;
  TaskWait wait = std::move(found->second);
  longest_.erase(found);
  return wait;
}

}  // namespace ktstr::guest
