#include "workloads/worker/worker_context.h"

#include <unistd.h>

#include <algorithm>
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
                             std::vector<PipeEnds> pipes, std::uint64_t seed, int disk)
    : memory_(memory),
      telemetry_(telemetry),
      place_(place),
      pipes_(std::move(pipes)),
      rng_(seed),
      disk_(disk) {}

void WorkerContext::Fail(const std::string& cause) {
  const std::string line = "ktstr: a worker gave up: " + cause + "\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  _exit(1);
}

void WorkerContext::Spin(std::uint64_t steps) const {
  constexpr std::uint64_t kPiece = 16384;
  while (steps > 0 && !ShouldStop()) {
    const std::uint64_t piece = std::min(steps, kPiece);
    for (std::uint64_t i = 0; i < piece; ++i) SpinStep();
    steps -= piece;
  }
}

std::uint64_t WorkerContext::SleepFor(std::uint64_t ns) {
  const std::uint64_t begin = telemetry_.BeginSleep(ns);
  memory_.SleepUntil(begin + ns);
  const std::uint64_t end = MonotonicNs();
  telemetry_.EndBlock(std::min(begin + ns, end));
  return end - begin;
}

std::uint64_t WorkerContext::EndBlock(std::uint64_t begin_ns) {
  const std::uint64_t end = MonotonicNs();
  telemetry_.EndBlock(end);
  return end > begin_ns ? end - begin_ns : 0;
}

}  // namespace ktstr
