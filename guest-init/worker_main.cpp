#include "guest-init/worker_main.h"

#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <climits>

#include "guest-init/base/file_io.h"
#include "guest-init/crash.h"
#include "guest-init/report_record.h"
#include "guest-init/worker_setup.h"
#include "workloads/worker/system_probe.h"

namespace ktstr::guest {
namespace {

/// Closes everything above the standard descriptors but `keep`.
void CloseOthers(std::vector<int> keep) {
  std::sort(keep.begin(), keep.end());
  unsigned next = 3;
  for (const int fd : keep) {
    const auto kept = static_cast<unsigned>(fd);
    if (kept > next) close_range(next, kept - 1, 0);
    next = kept + 1;
  }
  close_range(next, UINT_MAX, 0);
}

/// Ends the worker when it fails: PID 1 makes a sentinel of it.
void WriteOrExit(int fd, std::span<const std::byte> bytes) {
  if (WriteAll(fd, bytes) != 0) _exit(1);
}

void AddFaults(const SetupFaults& faults, WorkerReport& report) {
  report.affinity_error = faults.affinity;
  report.sched_policy_error = faults.policy;
  report.nice_error = faults.nice;
  report.gid_error = faults.gid;
  report.uid_error = faults.uid;
}

/// The request as it holds for a member of that role.
StartWorkers InRole(StartWorkers request, const WorkerRole& role) {
  if (!role.policy) return request;
  request.policy = *role.policy;
  request.rt_priority = role.rt_priority;
  request.dl_runtime_ns = role.dl_runtime_ns;
  request.dl_deadline_ns = request.dl_period_ns = role.dl_period_ns;
  return request;
}

}  // namespace

std::vector<std::uint32_t> DrawCpus(std::vector<std::uint32_t> pool, std::uint32_t count, std::uint64_t seed,
                                    std::uint32_t index) {
  Xorshift64 rng(seed ^ ((index + std::uint64_t{1}) * 0x9E3779B97F4A7C15));
  rng.Next();  // neighbouring seeds differ in few bits at first
  const std::size_t drawn = std::min<std::size_t>(count, pool.size());
  for (std::size_t i = 0; i < drawn; ++i) std::swap(pool[i], pool[i + rng.Next() % (pool.size() - i)]);
  pool.resize(drawn);
  std::sort(pool.begin(), pool.end());
  return pool;
}

void RunWorker(const WorkerSpawn& spawn, std::uint32_t index, int report_fd) {
  const StartWorkers& request = spawn.request;
  RestoreSignals();
  setpgid(0, 0);
  const pid_t parent = getppid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);

  const WorkerPlace place{index, request.count, GroupSize(spawn.type, spawn.params)};
  const WorkerRole role = RoleOf(spawn.type, spawn.params, index % place.group_size);
  std::vector<PipeEnds> pipes;
  std::vector<int> keep = {report_fd, spawn.set_up_fd};
  if (!spawn.pipes.empty()) {
    const auto group = spawn.pipes.subspan(index - index % place.group_size, place.group_size);
    pipes.assign(group.begin(), group.end());
    for (const PipeEnds& pipe : pipes) keep.insert(keep.end(), {pipe.read_fd, pipe.write_fd});
  }
  if (spawn.disk_fd >= 0) keep.push_back(spawn.disk_fd);
  CloseOthers(std::move(keep));

  spawn.memory.AwaitRelease();
  const SetupFaults faults = SetUpWorker(InRole(request, role), index);
  spawn.memory.slots()[index].state.store(WorkerState::kRunning, std::memory_order_release);
  const std::uint64_t all = 1;
  if (spawn.memory.control().set_up.fetch_add(1) + 1 == request.count)
    WriteOrExit(spawn.set_up_fd, std::as_bytes(std::span(&all, 1)));
  close(spawn.set_up_fd);
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of ids has cleared it
  SystemProbe probe;
  Telemetry telemetry(probe, spawn.memory.control(), spawn.memory.slots()[index], gettid());
  WorkerContext context(spawn.memory, telemetry, place, std::move(pipes),
                        request.seed ^ ((index + std::uint64_t{1}) * 0xD1B54A32D192ED03), spawn.disk_fd,
                        spawn.nics);
  const auto send = [&](const std::string& work_error) {
    WorkerReport report = telemetry.Finish();
    spawn.memory.slots()[index].state.store(WorkerState::kReporting, std::memory_order_release);
    report.index = index;
    report.group_idx = request.group_idx;
    report.is_messenger = role.messenger;
    report.work_error = work_error;
    report.storage = spawn.storage;
    report.network = spawn.network;
    AddFaults(faults, report);
    WriteOrExit(report_fd, EncodeReportRecord(report));
    _exit(0);
  };
  context.OnFailure([&](const std::string& cause) {
    // It may have to wait until somebody reads its report: no stall of the work.
    telemetry.BeginBlock();
    send(cause);
  });
  spawn.type.run(spawn.params, context);
  send({});
  _exit(1);  // not reached
}

}  // namespace ktstr::guest
