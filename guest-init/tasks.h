// What PID 1 runs for the host: worker groups and payloads, each from its start to its last record.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "guest-init/base/result.h"
#include "guest-init/cgroup_tree.h"
#include "guest-init/event_loop.h"
#include "guest-init/payload_process.h"
#include "guest-init/payload_watch.h"
#include "guest-init/wire/messages.h"
#include "guest-init/worker_processes.h"

namespace ktstr::guest {

/// What a request that cannot be carried out is answered with.
inline Error Refuse(std::string cause) { return {ErrorKind::kGuest, std::move(cause)}; }

/// Hands an event to the host.
using SendEvent = std::function<void(AnyStruct event)>;

/// What is being stopped on behalf of one request.
struct Stopping {
  std::vector<std::uint32_t> groups;
  std::vector<std::uint32_t> payloads;
};

/// One thread. Whatever a task has to say (its output, its record, a warning) is sent while it is looked at.
class Tasks {
 public:
  /// `loop` and `tree` outlive the tasks; payloads are found in the folder `payload_bin`.
  Tasks(EventLoop& loop, CgroupTree& tree, std::string payload_bin, SendEvent send)
      : loop_(loop),
        tree_(tree),
        around_{tree},
        payload_bin_(std::move(payload_bin)),
        send_(std::move(send)) {}

  /// Forks the workers, places them in their cgroup and lets them run. Errors (kGuest) name the group.
  Result<> Start(const StartWorkers& request);
  /// Whether all workers of a group that live have their name, CPUs and policy.
  [[nodiscard]] bool SetUp(std::uint32_t group) const;
  /// Forks a payload, with the process ids that its arguments ask for; FindPayload(handle)->started() tells
  /// how its start went.
  Result<> Start(StartPayload request);
  /// Error (kGuest): "there is no payload with handle 3".
  Result<PayloadProcess*> FindPayload(std::uint32_t handle) const;
  /// Whether the program of a scheduler runs, attached or not.
  [[nodiscard]] bool HaveScheduler() const;
  /// Of a payload that never started: nothing more is said of it.
  void Forget(std::uint32_t payload) { payloads_.erase(payload); }

  /// CgroupTree::SetFrozen, which the workers' account of their gaps has to know of.
  Result<> SetFrozen(const std::string& cgroup, bool frozen);

  /// Asks the workers of `cgroup` to stop and kills its payloads but a scheduler, which is the machine's;
  /// Stopped() tells when that is done.
  Stopping StopIn(const std::string& cgroup);
  /// Asks worker groups to stop. Error (kGuest): "there is no worker group 3".
  Result<Stopping> StopGroups(const std::vector<std::uint32_t>& groups);
  /// Asks all workers to stop and kills all payloads, with a Warning for each that nobody waited for.
  Stopping StopAll();
  /// True once all of it has been collected and finalised. Groups are collected one after the other, so that
  /// their reports do not mix. Call it again after every Tick.
  bool Stopped(const Stopping& stopping);

  /// Moves groups into another cgroup; see MoveWorkers. Errors (kGuest) name the worker or the group.
  Result<PhaseMark> Move(const MoveWorkers& request);
  /// Sends a signal to the workers of groups and what they have forked.
  Result<> Signal(const std::vector<std::uint32_t>& groups, int signal);
  /// Whether the kernel has all workers of these groups stopped, as far as they live.
  [[nodiscard]] bool AllStopped(const std::vector<std::uint32_t>& groups) const;
  /// Changes how groups are scheduled. Errors (kGuest) name the worker and the call.
  Result<> Adjust(const AdjustWorkers& request);

  /// Cuts the lives of all workers here; from now on they, and those to come, are in `phase`.
  PhaseMark Mark(std::uint32_t phase);
  /// The scenario changes a cpuset between these two.
  void BeginCpusetChange();
  void EndCpusetChange();
  /// The longest wait for a CPU of a worker, or of a payload's task, that was runnable at the last mark and
  /// waits on.
  [[nodiscard]] std::uint64_t LongestWaitNs() const;
  /// Whether a worker group that lives runs under policy deadline: before PID 1, too.
  [[nodiscard]] bool HaveDeadlines() const;
  /// Nothing ran in the guest for so long, as far as PID 1 can tell.
  void OnMachineStopped(std::uint64_t ns) { around_.machine_stopped_ns += ns; }

  /// Looks at the clock and at what has arrived. Returns when it wants to be called again at the latest.
  std::uint64_t Tick(std::uint64_t now_ns);
  /// How many groups were collected and payloads finalised so far.
  [[nodiscard]] std::size_t ended() const { return collected_groups_.size() + finalised_payloads_; }
  /// Nothing was ever started, or nothing is left.
  [[nodiscard]] bool idle() const { return groups_.empty() && payloads_.empty(); }
  /// A child has died, and will be reaped when this returns.
  void OnDied(pid_t pid);
  void OnReaped(pid_t pid, int status);
  /// While paused no output and no report is read.
  void SetPaused(bool paused);

 private:
  template <typename T>
  void Send(T event) const {
    send_(AnyStruct::Of(std::move(event)));
  }
  void Stop(const Stopping& stopping);
  /// Those of the groups that have not been collected. Error: one was never started.
  Result<std::vector<WorkerProcesses*>> Live(const std::vector<std::uint32_t>& groups) const;
  [[nodiscard]] PhaseMark Count() const;
  void PublishFrozen() const;
  void Thaw(const std::string& cgroup);
  void NoteHotplug();
  std::uint64_t LookAround(std::uint64_t now_ns);
  std::uint64_t LookAtPayloads(std::uint64_t now_ns);
  /// What payloads waited up to now is of the phase that ends, or of what is about to be killed.
  void LookAtWaitingPayloads();

  EventLoop& loop_;
  CgroupTree& tree_;
  Surroundings around_;
  std::string payload_bin_;
  SendEvent send_;
  std::map<std::uint32_t, std::unique_ptr<WorkerProcesses>> groups_;
  std::set<std::uint32_t> collected_groups_;
  std::map<std::uint32_t, std::unique_ptr<PayloadProcess>> payloads_;
  std::uint64_t retired_iterations_ = 0;  // of collected groups
  std::uint32_t finalised_payloads_ = 0;
  std::uint32_t phase_ = 0;
  std::uint64_t next_look_ns_ = 0;
  PayloadWatch payload_watch_{tree_};
  std::uint64_t next_payload_look_ns_ = 0;
  std::string online_cpus_;
  bool paused_ = false;
};

}  // namespace ktstr::guest
