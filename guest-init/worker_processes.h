// PID 1's side of a worker group: fork, placement, release, and the collection of the reports.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"
#include "guest-init/cgroup_tree.h"
#include "guest-init/event_loop.h"
#include "guest-init/wire/messages.h"
#include "guest-init/worker_account.h"
#include "guest-init/worker_main.h"

namespace ktstr::guest {

/// What a group's account looks at beside its workers.
struct Surroundings {
  const CgroupTree& tree;
  std::uint64_t machine_stopped_ns = 0;  // how long the host let nothing run in the guest, so far
};

class WorkerProcesses {
 public:
  /// So long after the request to stop, and a worker that has not left its loop gets a CPU before all others:
  /// what keeps it from one is on record by then, and its samples are worth having.
  static constexpr std::uint64_t kRaiseAfterNs = 200'000'000;
  /// So long without any sign of progress of the group, and what has not stopped is killed.
  static constexpr std::uint64_t kStopPatienceNs = 5'000'000'000;
  /// So long after SIGKILL, and a worker that is not gone is given up.
  static constexpr std::uint64_t kReapPatienceNs = 3'000'000'000;

  /// Forks the workers; they wait for Release. `loop` and `around` outlive the group. On an error none are
  /// left.
  static Result<std::unique_ptr<WorkerProcesses>> Fork(EventLoop& loop, const Surroundings& around,
                                                       StartWorkers request, std::uint32_t phase);
  /// Kills what is left of the workers, without reports.
  ~WorkerProcesses();
  WorkerProcesses(const WorkerProcesses&) = delete;

  /// Moves all workers into the request's cgroup.
  Result<> Place();
  void Release();
  /// Whether all workers that live have their name, CPUs and policy.
  [[nodiscard]] bool SetUp() const;
  /// Tells the workers how long their cgroup has been frozen. Call it before a thaw.
  void PublishFrozen() const;
  /// Cuts the lives of all workers here.
  void Mark(std::uint32_t phase);
  /// Of those that waited for a CPU at the last mark, and had not got one.
  [[nodiscard]] std::uint64_t LongestWaitNs() const {
    std::uint64_t longest = 0;
    for (const Worker& worker : workers_) longest = std::max(longest, worker.account.waiting_ns());
    return longest;
  }
  /// Looks at those that have been waiting to be woken for a while.
  void Look();
  /// The scenario changes a cpuset, its cgroup's own or another.
  void BeginCpusetChange() const { memory_.control().allowed.Suspend(); }
  void EndCpusetChange();
  /// The CPUs that its cgroup may use may have changed by themselves.
  void RefreshCpus();
  /// Cuts the lives of all workers here, in `phase`, and moves them with what they have forked. On an error
  /// some may have moved, and the group still counts where it was.
  Result<> MoveTo(const std::string& cgroup, std::uint32_t phase);
  /// Sets what the request names, of all threads of all workers that live.
  Result<> Adjust(const AdjustWorkers& change);
  /// Sends a signal to all workers and what they have forked. While SIGSTOP holds them they are to blame for
  /// nothing.
  void Signal(int signal);
  /// Whether the kernel has all that live stopped.
  [[nodiscard]] bool AllStopped() const;
  /// Whether SIGSTOP was the last of these that was sent.
  [[nodiscard]] bool held() const { return held_; }
  /// Ends the account of all workers: what comes now is not the workload's.
  void EndAccount();
  /// REQUIRES: EndAccount(), of all groups that are to stop: one that stops leaves its CPU to others.
  void RequestStop() const { memory_.RequestStop(); }

  /// Begins to read the reports; `done` is called once per worker, in worker order. REQUIRES: RequestStop().
  void BeginCollect(std::function<void(WorkerReport report)> done);
  [[nodiscard]] bool collecting() const { return done_ != nullptr; }
  [[nodiscard]] bool collected() const { return next_ == workers_.size(); }
  /// While paused no report is read and no time passes towards a worker's end.
  void SetPaused(bool paused);
  /// Looks at the clock and at what has arrived. Returns when it wants to be called again at the latest.
  std::uint64_t Tick(std::uint64_t now_ns);
  /// Tells the group that a process has died; it has not been reaped yet.
  void OnDied(pid_t pid);
  /// Tells the group that a process was reaped. False when it is none of its workers.
  bool OnReaped(pid_t pid, int status);

  /// How they were started, but for the cgroup and the policy, which are those of now.
  [[nodiscard]] const StartWorkers& request() const { return request_; }
  /// Over all its workers, dead ones included.
  [[nodiscard]] std::uint64_t TotalIterations() const;
  [[nodiscard]] std::uint32_t LiveWorkers() const;

 private:
  struct Worker {
    Worker(pid_t of, Fd pipe, WorkerAccount begun)
        : pid(of), report(std::move(pipe)), account(std::move(begun)) {}

    pid_t pid = 0;
    Fd report;
    WorkerAccount account;
    std::uint64_t seen_progress_ns = 0;  // at the last Look()
    std::vector<std::byte> bytes;
    bool raised = false;
    bool ended = false;  // nothing more will come through the pipe
    bool reaped = false;
    bool timed_out = false;
    int status = 0;
    std::uint64_t killed_ns = 0;  // when SIGKILL was sent after the end of its pipe; 0: not yet
  };

  /// A stretch of the group's life in one cgroup, up to the next.
  struct Stay {
    std::string cgroup;
    std::uint64_t since_ns = 0;
  };

  WorkerProcesses(EventLoop& loop, const Surroundings& around, StartWorkers request, GroupMemory memory)
      : loop_(loop), around_(around), request_(std::move(request)), memory_(std::move(memory)) {}
  Result<> ForkAll(const WorkTypeDecl& type, const AnyStruct& params, std::uint32_t phase);
  [[nodiscard]] SliceMark NextMark();
  void ReadCgroup();
  Result<> MoveForked(const std::string& cgroup) const;
  Result<> AdjustWorker(const Worker& worker, std::uint32_t index, const AdjustWorkers& change) const;
  [[nodiscard]] std::string NameOf(std::uint32_t index) const;

  static constexpr const char* kSelf = "group";  // in stopped_
  [[nodiscard]] std::uint64_t FrozenNs(std::uint64_t begin_ns) const;
  [[nodiscard]] Sight SightOf(const Worker& worker, const SlotLook& slot) const;
  [[nodiscard]] std::vector<SlotLook> ReadSlots() const;
  void Read(Worker& worker);
  void EndOfPipe(Worker& worker);
  void WatchWindow();
  void NoteProgress(std::uint64_t now_ns);
  void RaiseStuck();
  void KillStuck();
  bool DeliverNext(std::uint64_t now_ns);
  [[nodiscard]] WorkerReport MakeReport(const Worker& worker, std::uint32_t index) const;

  EventLoop& loop_;
  const Surroundings& around_;
  StartWorkers request_;
  GroupMemory memory_;
  CgroupLook cgroup_;
  FrozenTimes stopped_;                       // by signals, all workers alike
  bool held_ = false;                         // at this moment
  std::vector<Stay> stays_;                   // the last one is where it is now
  std::uint64_t throttled_elsewhere_ns_ = 0;  // before it came where it is, less what that cgroup had by then
  std::uint16_t ordinal_ = 0;                 // of the last mark
  std::uint64_t stop_ns_ = 0;                 // when the workers were asked to stop; 0: not yet
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
