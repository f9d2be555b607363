// What the loop of a work type works with. Lives in the worker process, used on its only thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "workloads/worker/group_memory.h"
#include "workloads/worker/reservoir.h"
#include "workloads/worker/telemetry.h"

namespace ktstr {

/// Waits for a partner end after this long to look whether the group was asked to stop.
inline constexpr std::uint64_t kStopPollNs = 100'000'000;

/// A pipe's two descriptors, open as long as the worker lives; -1: none.
struct PipeEnds {
  int read_fd = -1;
  int write_fd = -1;
};

/// Where a worker stands: its index among `count`, and the size of the sub-groups its work type forms (pairs:
/// 2; workers 0 and 1 are a pair, 2 and 3 the next).
struct WorkerPlace {
  std::uint32_t index = 0;
  std::uint32_t count = 1;
  std::uint32_t group_size = 1;
};

/// Everything it is made of outlives it.
class WorkerContext {
 public:
  /// `pipes` are those of the worker's sub-group, by position; empty unless the type uses pipes.
  /// `disk` is the machine's disk, open for reading and writing; -1 unless the type needs one.
  WorkerContext(const GroupMemory& memory, Telemetry& telemetry, const WorkerPlace& place,
                std::vector<PipeEnds> pipes, std::uint64_t seed, int disk = -1);

  /// Every loop asks at least once per kStopPollNs.
  [[nodiscard]] bool ShouldStop() const { return memory_.StopRequested(); }

  /// Busy work: `steps` times about 40 cycles, in pieces short enough to notice a stop. Counts nothing.
  void Spin(std::uint64_t steps) const;
  /// Part of an iteration is done. Call it in loops that run for long within one iteration.
  void Work(std::uint64_t units) { telemetry_.Work(units); }
  /// One outer loop is done.
  void EndIteration(std::uint64_t units) { telemetry_.EndIteration(units); }

  /// Sleeps, or until stop. Returns the time it took. Waking late counts as a gap, sleeping does not.
  std::uint64_t SleepFor(std::uint64_t ns);
  /// Around a wait for someone else: `const auto begin = BeginBlock(); ...; ns = EndBlock(begin);`
  std::uint64_t BeginBlock() { return telemetry_.BeginBlock(); }
  std::uint64_t EndBlock(std::uint64_t begin_ns);

  // Samples for the three distributions of a report, in ns.
  void RecordWake(std::uint64_t ns) { telemetry_.RecordWake(ns); }
  void RecordTimer(std::uint64_t ns) { telemetry_.RecordTimer(ns); }
  void RecordIterationCost(std::uint64_t ns) { telemetry_.RecordIterationCost(ns); }

  [[nodiscard]] const WorkerPlace& place() const { return place_; }
  /// Position within the sub-group, 0-based.
  [[nodiscard]] std::uint32_t position() const { return place_.index % place_.group_size; }
  /// One word shared by the sub-group, 0 at first; usable as a futex between processes.
  [[nodiscard]] std::atomic<std::uint32_t>& GroupWord() const {
    return memory_.slots()[place_.index - position()].word;
  }
  /// The end this worker reads from, and the end that reaches the member at `position`.
  [[nodiscard]] int OwnPipe() const { return pipes_[position()].read_fd; }
  [[nodiscard]] int PipeTo(std::uint32_t position) const { return pipes_[position].write_fd; }
  /// All workers share its descriptor: give every access its own offset (pread, pwrite).
  [[nodiscard]] int disk() const { return disk_; }
  Xorshift64& rng() { return rng_; }

  /// Ends the worker: it cannot go on, and a report would be about something else than was asked for. `cause`
  /// goes to the guest's console; the missing report makes the run an ERROR.
  [[noreturn]] static void Fail(const std::string& cause);

 private:
  const GroupMemory& memory_;
  Telemetry& telemetry_;
  WorkerPlace place_;
  std::vector<PipeEnds> pipes_;
  Xorshift64 rng_;
  int disk_;
};

}  // namespace ktstr
