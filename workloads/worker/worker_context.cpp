#include "workloads/worker/worker_context.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "guest-init/base/clock.h"

namespace ktstr {
namespace {

/// About as long as a pause instruction on hardware, but none: where one thread runs all vCPUs (TCG), a pause
/// ends the vCPU's turn. Beside a busy neighbour a spinner would do one step per clock tick.
void SpinStep() {
  constexpr int kRounds = 40;
  for (int round = 0; round < kRounds; ++round) asm volatile("");
}

}  // namespace

WorkerContext::WorkerContext(const GroupMemory& memory, Telemetry& telemetry, const WorkerPlace& place,
                             std::vector<PipeEnds> pipes, std::uint64_t seed, int disk, const NicPair& nics)
    : memory_(memory),
      telemetry_(telemetry),
      place_(place),
      pipes_(std::move(pipes)),
      rng_(seed),
      disk_(disk),
      nics_(nics) {}

void WorkerContext::Fail(const std::string& cause) {
  if (on_failure_) on_failure_(cause);
  const std::string line = "ktstr: a worker gave up: " + cause + "\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  _exit(1);
}

void WorkerContext::FailCall(const std::string& call) {
  const int code = errno;
  Fail(call + ": " + std::strerror(code));
}

void WorkerContext::Spin(std::uint64_t steps) {
  constexpr std::uint64_t kPiece = 16384;
  while (steps > 0 && !ShouldStop()) {
    const std::uint64_t piece = std::min(steps, kPiece);
    for (std::uint64_t i = 0; i < piece; ++i) SpinStep();
    steps -= piece;
    if (steps > 0) Work(0);
  }
}

bool WorkerContext::PartIsOver() const { return part_end_ns_ != 0 && MonotonicNs() >= part_end_ns_; }

void WorkerContext::RunPart(std::uint64_t end_ns, const std::function<void()>& loop) {
  part_end_ns_ = end_ns;
  loop();
  part_end_ns_ = 0;
}

std::uint64_t WorkerContext::SleepUntil(std::uint64_t deadline_ns) {
  const std::uint64_t now = MonotonicNs();
  telemetry_.BeginSleep(deadline_ns > now ? deadline_ns - now : 0);
  return EndSleep(std::max(now, deadline_ns), deadline_ns);
}

std::uint64_t WorkerContext::SleepFor(std::uint64_t ns) {
  const std::uint64_t deadline = telemetry_.BeginSleep(ns) + ns;
  return EndSleep(deadline, deadline);
}

std::uint64_t WorkerContext::EndSleep(std::uint64_t wanted_ns, std::uint64_t deadline_ns) {
  // The end of a part is a stop.
  if (part_end_ns_ != 0) wanted_ns = std::min(wanted_ns, part_end_ns_);
  memory_.SleepUntil(wanted_ns);
  const std::uint64_t end = MonotonicNs();
  telemetry_.EndBlock(std::min(wanted_ns, end));
  return ShouldStop() || end < deadline_ns ? 0 : end - deadline_ns;
}

std::uint64_t WorkerContext::EndBlock(std::uint64_t begin_ns) {
  const std::uint64_t end = MonotonicNs();
  telemetry_.EndBlock(end);
  return end > begin_ns ? end - begin_ns : 0;
}

void WorkerContext::NoteWake(std::uint32_t position) const {
  std::uint64_t none = 0;
  Member(position).woken_ns.compare_exchange_strong(none, MonotonicNs());
}

void WorkerContext::EndWait(std::uint64_t begin_ns) {
  const std::uint64_t blocked_ns = EndBlock(begin_ns);
  const std::uint64_t woken_ns = Member(position()).woken_ns.exchange(0);
  // One that was noted before it began to wait found it running.
  if (woken_ns >= begin_ns && woken_ns <= begin_ns + blocked_ns) RecordWake(begin_ns + blocked_ns - woken_ns);
}

bool WorkerContext::WaitWhile(const std::atomic<std::uint32_t>& word, std::uint32_t value,
                              std::uint32_t bits) {
  std::uint32_t now = word.load(std::memory_order_acquire);
  if (now != value) {
    Member(position()).woken_ns.store(0);
    return !ShouldStop();
  }
  const std::uint64_t begin = BeginBlock();
  while (now == value && !ShouldStop()) {
    FutexWaitUntil(word, value, MonotonicNs() + kStopPollNs, bits);
    now = word.load(std::memory_order_acquire);
  }
  EndWait(begin);
  return now != value;
}

void WorkerContext::Send(std::uint32_t position) {
  NoteWake(position);
  const char byte = 'k';
  if (write(PipeTo(position), &byte, 1) != 1) FailCall("write to a partner's pipe");
}

bool WorkerContext::Receive() {
  pollfd own{OwnPipe(), POLLIN, 0};
  const std::uint64_t begin = BeginBlock();
  int ready = 0;
  while (ready == 0 && !ShouldStop()) {
    ready = poll(&own, 1, static_cast<int>(kStopPollNs / 1'000'000));
    if (ready < 0 && errno == EINTR) ready = 0;
  }
  EndWait(begin);
  if (ready < 0) FailCall("poll of the own pipe");
  char byte = 0;
  if (ready > 0 && read(own.fd, &byte, 1) != 1) FailCall("read of the own pipe");
  return ready > 0;
}

}  // namespace ktstr
