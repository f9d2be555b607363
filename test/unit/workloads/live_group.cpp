#include "test/unit/workloads/live_group.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <csignal>

#include "guest-init/base/file_io.h"
#include "guest-init/wire/codec.h"
#include "workloads/worker/system_probe.h"

namespace ktstr {
namespace {

/// In the child.
[[noreturn]] void RunMember(const WorkTypeDecl& type, const AnyStruct& params, const GroupMemory& memory,
                            const WorkerPlace& place, std::vector<PipeEnds> pipes, int disk, int report_fd) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  memory.AwaitRelease();
  SystemProbe probe;
  Telemetry telemetry(probe, memory.control(), memory.slots()[place.index], gettid());
  WorkerContext context(memory, telemetry, place, std::move(pipes), place.index + 1, disk);
  const auto send = [&](const std::string& work_error) {
    WorkerReport report = telemetry.Finish();
    report.work_error = work_error;
    _exit(WriteAll(report_fd, Encode(report)) == 0 ? 0 : 1);
  };
  context.OnFailure(send);
  type.run(params.data(), context);
  send({});
  _exit(1);
}

}  // namespace

LiveGroup::LiveGroup(std::string_view type_name, const AnyStruct& params, std::uint32_t groups, int disk)
    : memory_(GroupMemory::Map(groups * GroupSize(*FindWorkType(type_name), params.data()))) {
  REQUIRE(memory_.ok());
  const WorkTypeDecl& type = *FindWorkType(type_name);
  const std::uint32_t size = GroupSize(type, params.data());
  std::vector<Fd> channels;
  std::vector<PipeEnds> ends;
  for (std::uint32_t i = 0; type.channel != GroupChannel::kNone && i < groups * size; ++i) {
    std::array<int, 2> pair{};
    if (type.channel == GroupChannel::kPipes) {
      REQUIRE(pipe2(pair.data(), O_CLOEXEC) == 0);
      channels.emplace_back(pair[1]);
    } else {
      pair.fill(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE));
    }
    channels.emplace_back(pair[0]);
    ends.push_back({pair[0], pair[1]});
  }
  for (std::uint32_t i = 0; i < groups * size; ++i) {
    std::array<int, 2> report{};
    REQUIRE(pipe2(report.data(), O_CLOEXEC) == 0);
    reports_.emplace_back(report[0]);
    const Fd write_end(report[1]);
    const auto first = ends.begin() + (ends.empty() ? 0 : i / size * size);
    const pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0)
      RunMember(type, params, *memory_, {i, groups * size, size},
                std::vector<PipeEnds>(first, ends.empty() ? first : first + size), disk, write_end.get());
    pids_.push_back(pid);
  }
  memory_->Release();
}

LiveGroup::~LiveGroup() {
  for (const pid_t pid : pids_) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
}

void LiveGroup::Until(const std::function<bool(std::span<const WorkerSlot> slots)>& holds) const {
  while (!holds(memory_->slots())) {
    // One that has ended will never get there.
    for (const pid_t pid : pids_) {
      siginfo_t ended{};
      REQUIRE(waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOHANG | WNOWAIT) == 0);
      REQUIRE(ended.si_pid == 0);
    }
    sched_yield();
  }
}

void LiveGroup::UntilEach(std::uint64_t iterations) const {
  Until([&](std::span<const WorkerSlot> slots) {
    return std::all_of(slots.begin(), slots.end(),
                       [&](const WorkerSlot& slot) { return slot.iterations.load() >= iterations; });
  });
}

void LiveGroup::UntilEnded() const {
  for (const pid_t pid : pids_) {
    siginfo_t ended{};
    // ECHILD: the test has reaped it.
    REQUIRE((waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT) == 0 || errno == ECHILD));
  }
}

std::vector<WorkerReport> LiveGroup::Stop() {
  memory_->RequestStop();
  std::vector<WorkerReport> reports;
  for (const Fd& pipe : reports_) {
    std::vector<std::byte> bytes;
    std::array<std::byte, 65536> chunk;
    for (ssize_t got = 0; (got = read(pipe.get(), chunk.data(), chunk.size())) > 0;)
      bytes.insert(bytes.end(), chunk.begin(), chunk.begin() + got);
    Result<WorkerReport> report = Decode<WorkerReport>(bytes);
    reports.push_back(report.ok() ? std::move(report).value() : WorkerReport{});
  }
  for (const pid_t pid : pids_) waitpid(pid, nullptr, 0);
  pids_.clear();
  return reports;
}

std::vector<WorkerReport> RunGroup(std::string_view type, const AnyStruct& params, std::uint64_t iterations) {
  LiveGroup group(type, params);
  group.UntilEach(iterations);
  return group.Stop();
}

std::vector<WorkerReport> RunGroup(std::string_view type, std::uint64_t iterations) {
  return RunGroup(type, DefaultParams(type), iterations);
}

std::string Distributions(const WorkerReport& report) {
  std::string text;
  for (const auto& [name, total] : {std::pair{"wake ", report.wake_sample_total},
                                    {"timer ", report.timer_sample_total},
                                    {"cost ", report.iteration_cost_sample_total}})
    if (total > 0) text += name;
  if (!text.empty()) text.pop_back();
  return text;
}

}  // namespace ktstr
