#include "guest-init/worker_processes.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>

#include "guest-init/base/clock.h"
#include "guest-init/base/fd.h"
#include "guest-init/report_record.h"
#include "guest-init/system_error.h"
#include "guest-init/wire/codec.h"
#include "guest-init/worker_channels.h"
#include "guest-init/worker_disk.h"
#include "guest-init/worker_nics.h"

namespace ktstr::guest {
namespace {

// Reports of so many workers are read at a time: enough to keep all CPUs busy, and a bound on the memory
// that PID 1 needs however many workers there are. The others wait, blocked on their pipes.
constexpr std::size_t kWindow = 16;
// Above all workers of a scenario, below PID 1.
constexpr int kWorkerRescuePriority = 98;

Error GroupError(const StartWorkers& request, const std::string& what) {
  return {ErrorKind::kGuest, "worker group " + std::to_string(request.group) + ": " + what};
}

Result<const WorkTypeDecl*> CheckRequest(const StartWorkers& request) {
  const WorkTypeDecl* type = FindWorkType(request.work_type);
  if (type == nullptr) return GroupError(request, "there is no work type '" + request.work_type + "'");
  return type;
}

Result<> CheckCount(const StartWorkers& request, std::uint32_t group_size) {
  if (request.count != 0 && group_size != 0 && request.count % group_size == 0) return {};
  return GroupError(request, std::to_string(request.count) + " workers of " + request.work_type +
                                 ", which needs a multiple of " + std::to_string(group_size));
}

void KillGroup(pid_t pid) {
  kill(-pid, SIGKILL);
  kill(pid, SIGKILL);
}

}  // namespace

Result<std::unique_ptr<WorkerProcesses>> WorkerProcesses::Fork(EventLoop& loop, const Surroundings& around,
                                                               StartWorkers request, std::uint32_t phase) {
  const WorkTypeDecl* type = TRY(CheckRequest(request));
  AnyStruct params(type->params());
  std::span<const std::byte> encoded = std::as_bytes(std::span(request.work_params));
  if (const Result<> decoded = DecodeStruct(type->params(), encoded, params.data()); !decoded.ok())
    return GroupError(request, decoded.error().message);
  if (!encoded.empty())
    return GroupError(request, "bytes are left over after the parameters of " + request.work_type);
  TRY(CheckCount(request, GroupSize(*type, params.data())));
  GroupMemory map = TRY(GroupMemory::Map(request.count));
  std::unique_ptr<WorkerProcesses> group(new WorkerProcesses(loop, around, request, std::move(map)));
  TRY(group->ForkAll(*type, params, phase));
  return group;
}

Result<> WorkerProcesses::ForkAll(const WorkTypeDecl& type, const AnyStruct& params, std::uint32_t phase) {
  Result<WorkerChannels> channels = WorkerChannels::Make(type.channel, request_.count);
  if (!channels.ok()) return GroupError(request_, channels.error().message);
  set_up_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!set_up_.valid()) return GroupError(request_, SystemError("making an event descriptor").message);
  // It only wakes the loop, which then asks SetUp().
  TRY(loop_.Add(set_up_.get(), EPOLLIN, [this](std::uint32_t) { loop_.Remove(set_up_.get()); }));
  WorkerDisk disk;
  if (type.needs_disk) {
    Result<WorkerDisk> found = WorkerDisk::Open();
    if (!found.ok()) return GroupError(request_, request_.work_type + ": " + found.error().message);
    disk = std::move(found).value();
  }
  WorkerNics nics;
  if (type.needs_nics) {
    Result<WorkerNics> found = WorkerNics::SwitchOn();
    if (!found.ok()) return GroupError(request_, request_.work_type + ": " + found.error().message);
    nics = std::move(found).value();
  }
  const WorkerSpawn spawn{request_,         type,          params.data(),   memory_,
                          channels->ends(), set_up_.get(), disk.file.get(), disk.about,
                          nics.pair,        nics.about};
  workers_.reserve(request_.count);
  stays_ = {{request_.cgroup, 0}};
  const SliceMark first = NextMark();
  memory_.Publish(first);
  EndCpusetChange();
  ReadCgroup();
  for (std::uint32_t i = 0; i < request_.count; ++i) {
    Result<OwnedPipe> made = MakePipe();
    if (!made.ok()) return GroupError(request_, made.error().message);
    OwnedPipe report = std::move(made).value();
    const pid_t pid = fork();
    if (pid < 0) return GroupError(request_, SystemError("forking worker " + std::to_string(i)).message);
    if (pid == 0) RunWorker(spawn, i, report.write_end.get());
    setpgid(pid, pid);  // the child does the same; whoever comes first
    fcntl(report.read_end.get(), F_SETFL, O_NONBLOCK);
    workers_.emplace_back(pid, std::move(report.read_end),
                          WorkerAccount(first, phase, cgroup_, around_.machine_stopped_ns));
  }
  return {};
}

WorkerProcesses::~WorkerProcesses() {
  loop_.Remove(set_up_.get());
  for (Worker& worker : workers_) {
    loop_.Remove(worker.report.get());
    if (!worker.reaped) KillGroup(worker.pid);
  }
}

Result<> WorkerProcesses::Place() {
  for (const Worker& worker : workers_) {
    const Result<> placed = around_.tree.Place(worker.pid, request_.cgroup);
    if (!placed.ok()) return GroupError(request_, placed.error().message);
  }
  return {};
}

void WorkerProcesses::Release() {
  memory_.Release();
  for (Worker& worker : workers_)
    worker.account.Release(memory_.control().released_ns.load(std::memory_order_relaxed));
}

// ---- the collection ----------------------------------------------------------------------------------

void WorkerProcesses::BeginCollect(std::function<void(WorkerReport report)> done) {
  done_ = std::move(done);
  last_progress_ns_ = MonotonicNs();
}

void WorkerProcesses::SetPaused(bool paused) {
  if (!std::exchange(paused_, paused) && paused)
    for (Worker& worker : workers_) loop_.Remove(worker.report.get());
  last_progress_ns_ = MonotonicNs();
}

void WorkerProcesses::WatchWindow() {
  const std::size_t end = std::min(next_ + kWindow, workers_.size());
  for (std::size_t i = next_; i < end; ++i) {
    Worker& worker = workers_[i];
    if (worker.ended || loop_.Watches(worker.report.get())) continue;
    const Result<> added =
        loop_.Add(worker.report.get(), EPOLLIN, [this, i](std::uint32_t) { Read(workers_[i]); });
    if (!added.ok()) EndOfPipe(worker);
  }
}

void WorkerProcesses::Read(Worker& worker) {
  std::array<std::byte, 65536> chunk;
  // Bounded, so that one fast writer does not keep the loop from everything else.
  for (int round = 0; round < 16; ++round) {
    const ssize_t got = read(worker.report.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EAGAIN && !worker.reaped) return;
    if (got <= 0) return EndOfPipe(worker);
    progress_ = true;
    worker.bytes.insert(worker.bytes.end(), chunk.begin(), chunk.begin() + got);
    if (worker.bytes.size() > kMaxReportRecord) return EndOfPipe(worker);
  }
}

void WorkerProcesses::EndOfPipe(Worker& worker) {
  progress_ = true;
  worker.ended = true;
  loop_.Remove(worker.report.get());
  worker.report.Reset();
  // Whatever else it left in its process group goes with it.
  if (!worker.reaped) KillGroup(worker.pid);
  worker.killed_ns = MonotonicNs();
}

bool WorkerProcesses::OnReaped(pid_t pid, int status) {
  const auto found = std::find_if(workers_.begin(), workers_.end(), [pid](const Worker& worker) {
    return worker.pid == pid && !worker.reaped;
  });
  if (found == workers_.end()) return false;
  progress_ = true;
  found->reaped = true;
  found->status = status;
  kill(-pid, SIGKILL);
  return true;
}

void WorkerProcesses::NoteProgress(std::uint64_t now_ns) {
  std::uint32_t reporting = 0;
  for (const WorkerSlot& slot : memory_.slots())
    reporting += slot.state.load(std::memory_order_acquire) == WorkerState::kReporting ? 1 : 0;
  if (std::exchange(progress_, false) || paused_ || reporting != std::exchange(reporting_, reporting))
    last_progress_ns_ = now_ns;
}

void WorkerProcesses::RaiseStuck() {
  sched_param param{};
  param.sched_priority = kWorkerRescuePriority;
  for (std::size_t i = next_; i < std::min(next_ + kWindow, workers_.size()); ++i) {
    Worker& worker = workers_[i];
    if (worker.ended || worker.reaped || std::exchange(worker.raised, true)) continue;
    sched_setscheduler(worker.pid, SCHED_FIFO, &param);
  }
}

/// Kills the workers that did not leave their loop, and those that are read from and send nothing. Workers
/// whose turn to be read has not come are spared: they wait for us.
void WorkerProcesses::KillStuck() {
  for (std::size_t i = next_; i < workers_.size(); ++i) {
    Worker& worker = workers_[i];
    const bool running = memory_.slots()[i].state.load(std::memory_order_acquire) != WorkerState::kReporting;
    if (worker.ended || worker.reaped || worker.timed_out || (!running && i >= next_ + kWindow)) continue;
    worker.timed_out = true;
    KillGroup(worker.pid);
  }
}

std::uint64_t WorkerProcesses::Tick(std::uint64_t now_ns) {
  if (!collecting() || collected()) return EventLoop::kNever;
  NoteProgress(now_ns);
  if (paused_) return EventLoop::kNever;
  if (now_ns >= last_progress_ns_ + kStopPatienceNs) {
    KillStuck();
    last_progress_ns_ = now_ns;
  }
  if (now_ns >= last_progress_ns_ + kRaiseAfterNs) RaiseStuck();
  while (!collected() && DeliverNext(now_ns)) continue;
  WatchWindow();
  // A worker that leaves its loop does not wake the loop here; the next look at the slots does.
  std::uint64_t next = last_progress_ns_ + kStopPatienceNs;
  if (now_ns < last_progress_ns_ + kRaiseAfterNs) next = last_progress_ns_ + kRaiseAfterNs;
  if (!collected() && workers_[next_].ended && !workers_[next_].reaped)
    next = std::min(next, workers_[next_].killed_ns + kReapPatienceNs);
  return next;
}

/// Delivers the report of the next worker; false when it is not there yet.
bool WorkerProcesses::DeliverNext(std::uint64_t now_ns) {
  Worker& worker = workers_[next_];
  // A reaped worker has written all it will; a descendant that still holds its pipe does not count.
  if (worker.reaped && !worker.ended) {
    Read(worker);
    if (!worker.ended) return false;  // more than one turn's worth; the loop calls Read again
  }
  if (!worker.ended || (!worker.reaped && now_ns < worker.killed_ns + kReapPatienceNs)) return false;
  done_(MakeReport(worker, static_cast<std::uint32_t>(next_)));
  worker.bytes = {};
  ++next_;
  return true;
}

WorkerReport WorkerProcesses::MakeReport(const Worker& worker, std::uint32_t index) const {
  // An intact record is the only thing that makes a report; the exit status does not matter then.
  if (std::optional<WorkerReport> report = DecodeReportRecord(worker.bytes))
    return worker.account.Write(*std::move(report));
  WorkerReport sentinel;
  sentinel.tid = worker.pid;
  sentinel.index = index;
  sentinel.group_idx = request_.group_idx;
  ExitInfo exit;
  exit.text = worker.bytes.empty()
                  ? "sent no report"
                  : "sent " + std::to_string(worker.bytes.size()) + " bytes that are not a report";
  if (worker.timed_out) {
    exit.kind = ExitKind::kTimedOut;
    exit.code = SIGKILL;
  } else if (!worker.reaped) {
    exit.kind = ExitKind::kWaitFailed;
    exit.text +=
        " and was still there " + std::to_string(kReapPatienceNs / 1'000'000'000) + "s after SIGKILL";
  } else if (WIFSIGNALED(worker.status)) {
    exit.kind = ExitKind::kSignaled;
    exit.code = WTERMSIG(worker.status);
  } else {
    exit.code = WEXITSTATUS(worker.status);
  }
  sentinel.exit_info = exit;
  return worker.account.Write(std::move(sentinel));
}

std::uint64_t WorkerProcesses::TotalIterations() const {
  std::uint64_t total = 0;
  for (const WorkerSlot& slot : memory_.slots()) total += slot.iterations.load(std::memory_order_relaxed);
  return total;
}

bool WorkerProcesses::SetUp() const {
  for (std::size_t i = 0; i < workers_.size(); ++i)
    if (!workers_[i].reaped &&
        memory_.slots()[i].state.load(std::memory_order_acquire) == WorkerState::kStarting)
      return false;
  return true;
}

std::uint32_t WorkerProcesses::LiveWorkers() const {
  return static_cast<std::uint32_t>(
      std::count_if(workers_.begin(), workers_.end(), [](const Worker& worker) { return !worker.reaped; }));
}

}  // namespace ktstr::guest
