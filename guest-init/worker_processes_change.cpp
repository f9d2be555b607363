// The part of WorkerProcesses that changes workers while they live: where they are, how they are scheduled.
#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <string_view>

#include "guest-init/base/clock.h"
#include "guest-init/kernel_look.h"
#include "guest-init/task_control.h"
#include "guest-init/worker_processes.h"

namespace ktstr::guest {
namespace {

// What is forked while the forked are moved is looked for so often.
constexpr int kRounds = 16;

/// Of a process that lives; none of one that does not.
std::vector<pid_t> ThreadsOf(pid_t pid) {
  std::vector<pid_t> threads;
  const std::string path = "/proc/" + std::to_string(pid) + "/task";
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), &closedir);
  if (!directory) return threads;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    pid_t tid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), tid).ec == std::errc{})
      threads.push_back(tid);
  }
  return threads;
}

}  // namespace

std::string WorkerProcesses::NameOf(std::uint32_t index) const {
  return (request_.cgroup.empty() ? std::string("runner") : request_.cgroup) + "/" + std::to_string(index);
}

Result<> WorkerProcesses::MoveTo(const std::string& cgroup, std::uint32_t phase) {
  Mark(phase);
  // Before the move, which ends a freeze for who leaves a frozen cgroup.
  PublishFrozen();
  BeginCpusetChange();
  std::size_t moved = 0;
  Result<> result;
  for (std::uint32_t i = 0; i < workers_.size() && result.ok(); ++i) {
    const Worker& worker = workers_[i];
    if (worker.reaped) continue;
    result = around_.tree.Place(worker.pid, cgroup);
    if (result.ok()) ++moved;
    // One that has just died is no hindrance.
    if (!result.ok() && kill(worker.pid, 0) != 0) result = {};
    if (!result.ok()) result = result.error().Within("worker " + NameOf(i));
  }
  if (result.ok() && moved == 0)
    result = Error{ErrorKind::kGuest, "no worker of " + NameOf(0) + "'s group is alive to be moved"};
  if (result.ok()) result = MoveForked(cgroup);
  if (result.ok()) {
    request_.cgroup = cgroup;
    stays_.push_back({cgroup, MonotonicNs()});
    throttled_elsewhere_ns_ = cgroup_.throttled_ns - ThrottledNs(around_.tree, cgroup);
  }
  EndCpusetChange();
  return result;
}

/// What the workers have forked is in their process groups.
Result<> WorkerProcesses::MoveForked(const std::string& cgroup) const {
  for (int round = 0; round < kRounds; ++round) {
    bool found = false;
    for (const pid_t pid : around_.tree.Processes(request_.cgroup)) {
      const pid_t leader = getpgid(pid);
      const auto of_group = [leader](const Worker& worker) { return worker.pid == leader; };
      if (std::none_of(workers_.begin(), workers_.end(), of_group)) continue;
      Result<> placed = around_.tree.Place(pid, cgroup);
      if (!placed.ok() && kill(pid, 0) == 0) return placed;
      found = found || placed.ok();
    }
    if (!found) return {};
  }
  return {};
}

bool WorkerProcesses::AllStopped() const {
  return std::all_of(workers_.begin(), workers_.end(), [](const Worker& worker) {
    const TaskState state = LookAtTask(worker.pid).state;
    return worker.reaped ||
           (state != TaskState::kRunnable && state != TaskState::kSleeping && state != TaskState::kBlocked);
  });
}

void WorkerProcesses::Signal(int signal) {
  if (signal == SIGSTOP) stopped_.Begin(kSelf, MonotonicNs());
  if (signal == SIGSTOP || signal == SIGCONT) held_ = signal == SIGSTOP;
  if (signal == SIGCONT) {
    stopped_.End(kSelf, MonotonicNs());
    PublishFrozen();  // before they run on
  }
  for (const Worker& worker : workers_)
    if (!worker.reaped) kill(-worker.pid, signal);
}

Result<> WorkerProcesses::Adjust(const AdjustWorkers& change) {
  for (std::uint32_t i = 0; i < workers_.size(); ++i)
    if (!workers_[i].reaped) TRY(AdjustWorker(workers_[i], i, change));
  if (change.policy) request_.policy = change.policy->policy;
  return {};
}

Result<> WorkerProcesses::AdjustWorker(const Worker& worker, std::uint32_t index,
                                       const AdjustWorkers& change) const {
  CpuSet cpus;
  if (change.cpus)
    cpus.cpus = change.cpus->random_count > 0
                    ? DrawCpus(change.cpus->cpus, change.cpus->random_count, change.cpus->seed, index)
                    : change.cpus->cpus;
  for (const pid_t tid : ThreadsOf(worker.pid)) {
    std::vector<TaskFault> faults;
    if (change.cpus) faults.push_back(BindTask(tid, cpus));
    if (change.policy) faults.push_back(SetTaskPolicy(tid, *change.policy));
    if (change.nice) faults.push_back(SetTaskNice(tid, *change.nice));
    for (const TaskFault& fault : faults)
      if (!fault.text.empty() && !fault.gone)
        return Error{ErrorKind::kGuest, "worker " + NameOf(index) + ": " + fault.text};
  }
  return {};
}

}  // namespace ktstr::guest
