// PID 1's side of a worker group: fork, placement, release, and the collection of the reports.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "guest-init/base/clock.h"
#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"
#include "guest-init/cgroup_tree.h"
#include "guest-init/event_loop.h"
#include "guest-init/wire/messages.h"
#include "guest-init/worker_main.h"

namespace ktstr::guest {

class WorkerProcesses {
 public:
  /// So long without any sign of progress of the group, and what has not stopped is killed.
  static constexpr std::uint64_t kStopPatienceNs = 5'000'000'000;
  /// So long after SIGKILL, and a worker that is not gone is given up.
  static constexpr std::uint64_t kReapPatienceNs = 3'000'000'000;

  /// Forks the workers; they wait for Release. `loop` outlives the group. On an error none are left.
  static Result<std::unique_ptr<WorkerProcesses>> Fork(EventLoop& loop, StartWorkers request,
                                                       std::uint32_t phase);
  /// Kills what is left of the workers, without reports.
  ~WorkerProcesses();
  WorkerProcesses(const WorkerProcesses&) = delete;

  /// Moves all workers into the request's cgroup.
  Result<> Place(const CgroupTree& tree) const;
  void Release() const { memory_.Release(); }
  /// Whether all workers that live have their name, CPUs and policy.
  [[nodiscard]] bool SetUp() const;
  void PublishPhase(std::uint32_t phase) const { memory_.PublishPhase(phase); }
  /// When it was forked (CLOCK_MONOTONIC).
  [[nodiscard]] std::uint64_t forked_ns() const { return forked_ns_; }
  /// How long its cgroup has been frozen since then, all in all. Call it before a thaw.
  void PublishFrozen(std::uint64_t total_ns) const {
    memory_.control().frozen_ns.store(total_ns, std::memory_order_relaxed);
  }
  void RequestStop() const { memory_.RequestStop(); }

  /// Begins to read the reports; `done` is called once per worker, in worker order. REQUIRES: RequestStop().
  void BeginCollect(std::function<void(WorkerReport report)> done);
  [[nodiscard]] bool collecting() const { return done_ != nullptr; }
  [[nodiscard]] bool collected() const { return next_ == workers_.size(); }
  /// While paused no report is read and no time passes towards a worker's end.
  void SetPaused(bool paused);
  /// Looks at the clock and at what has arrived. Returns when it wants to be called again at the latest.
  std::uint64_t Tick(std::uint64_t now_ns);
  /// Tells the group that a process was reaped. False when it is none of its workers.
  bool OnReaped(pid_t pid, int status);

  [[nodiscard]] const StartWorkers& request() const { return request_; }
  /// Over all its workers, dead ones included.
  [[nodiscard]] std::uint64_t TotalIterations() const;
  [[nodiscard]] std::uint32_t LiveWorkers() const;

 private:
  struct Worker {
    pid_t pid = 0;
    Fd report;
    std::vector<std::byte> bytes;
    bool ended = false;  // nothing more will come through the pipe
    bool reaped = false;
    bool timed_out = false;
    int status = 0;
    std::uint64_t killed_ns = 0;  // when SIGKILL was sent after the end of its pipe; 0: not yet
  };

  WorkerProcesses(EventLoop& loop, StartWorkers request, GroupMemory memory)
      : loop_(loop), request_(std::move(request)), memory_(std::move(memory)) {}
  Result<> ForkAll(const WorkTypeDecl& type, const AnyStruct& params);
  void Read(Worker& worker);
  void EndOfPipe(Worker& worker);
  void WatchWindow();
  void NoteProgress(std::uint64_t now_ns);
  void KillStuck();
  bool DeliverNext(std::uint64_t now_ns);
  [[nodiscard]] WorkerReport MakeReport(const Worker& worker, std::uint32_t index) const;

  EventLoop& loop_;
  StartWorkers request_;
  GroupMemory memory_;
  std::uint64_t forked_ns_ = MonotonicNs();
  std::vector<Worker> workers_;
  Fd set_up_;  // readable once all are set up
  std::function<void(WorkerReport report)> done_;
  std::size_t next_ = 0;  // the worker whose report is delivered next
  bool paused_ = false;
  bool progress_ = false;  // bytes or a death since the last look
  std::uint64_t last_progress_ns_ = 0;
  std::uint32_t reporting_ = 0;
};

}  // namespace ktstr::guest
