// What the loop of a work type works with. Lives in the worker process, used on its only thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "workloads/worker/group_memory.h"
#include "workloads/worker/nics.h"
#include "workloads/worker/reservoir.h"
#include "workloads/worker/telemetry.h"

namespace ktstr {

/// Waits for a partner end after this long to look whether the group was asked to stop.
inline constexpr std::uint64_t kStopPollNs = 100'000'000;

/// A pipe's two descriptors, open as long as the worker lives; -1: none. An eventfd is both.
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
  /// `pipes` are those of the worker's sub-group, by position; empty unless the type uses a channel.
  /// `disk` is the machine's disk, open for reading and writing; -1 unless the type needs one. `nics` are its
  /// network cards, for a type that needs them.
  WorkerContext(const GroupMemory& memory, Telemetry& telemetry, const WorkerPlace& place,
                std::vector<PipeEnds> pipes, std::uint64_t seed, int disk = -1, const NicPair& nics = {});

  /// Every loop asks at least once per kStopPollNs.
  [[nodiscard]] bool ShouldStop() const { return memory_.StopRequested() || PartIsOver(); }
  /// Runs `loop` until `end_ns` (MonotonicNs()), when it is asked to stop. Its iterations are parts of the
  /// caller's. REQUIRES: no other such part goes on.
  void RunPart(std::uint64_t end_ns, const std::function<void()>& loop);

  /// Busy work: `steps` times about 40 cycles, in pieces short enough to notice a stop and a phase mark.
  /// Counts nothing.
  void Spin(std::uint64_t steps);
  /// Part of an iteration is done, 0 units: it is known to run. Call it in loops that run for long within one
  /// iteration.
  void Work(std::uint64_t units) { telemetry_.Work(units); }
  /// One outer loop is done.
  void EndIteration(std::uint64_t units) {
    part_end_ns_ == 0 ? telemetry_.EndIteration(units) : telemetry_.Work(units);
  }

  // Sleeping. Waking late counts as a gap, sleeping does not.
  /// Sleeps until `deadline_ns` (MonotonicNs()), or until stop. Returns how much later than that it ran
  /// again: what timer and scheduler added. 0 when it was asked to stop.
  std::uint64_t SleepUntil(std::uint64_t deadline_ns);
  std::uint64_t SleepFor(std::uint64_t ns);

  // Waiting for a member of the sub-group. What is recorded as wake latency begins when that member set about
  // to wake this one, which so had begun to wait; what it did before that is no latency.
  /// Around a wait of one's own: `const auto begin = BeginBlock(); ...; ns = EndBlock(begin);`
  std::uint64_t BeginBlock() { return telemetry_.BeginBlock(); }
  /// Returns how long it was.
  std::uint64_t EndBlock(std::uint64_t begin_ns);
  /// The member at `position` is about to be woken. Of several wake-ups that it has not followed yet, the
  /// first one counts.
  void NoteWake(std::uint32_t position) const;
  /// Ends a block that another member ended, and records the wake latency if it did.
  void EndWait(std::uint64_t begin_ns);
  /// Waits while `word`, one of the sub-group's, holds `value`. False: asked to stop instead.
  bool WaitWhile(const std::atomic<std::uint32_t>& word, std::uint32_t value,
                 std::uint32_t bits = kAnyWaiter);
  /// Sends a byte through the pipe of the member at `position`, which wakes it.
  void Send(std::uint32_t position);
  /// Waits for a byte in the own pipe. False: asked to stop instead.
  bool Receive();

  /// numa_pages are to be those of the mapping that begins at `region`, not of all memory.
  void CountPagesOf(const void* region) { telemetry_.CountPagesOf(region); }

  /// `count` more calls were refused where the type expects that; its loop begins with 0.
  void CountRefusals(std::uint64_t count) { telemetry_.CountRefusals(count); }

  // Samples for the three distributions of a report, in ns.
  void RecordWake(std::uint64_t ns) { telemetry_.RecordWake(ns); }
  void RecordTimer(std::uint64_t ns) { telemetry_.RecordTimer(ns); }
  void RecordIterationCost(std::uint64_t ns) { telemetry_.RecordIterationCost(ns); }

  [[nodiscard]] const WorkerPlace& place() const { return place_; }
  /// Position within the sub-group, 0-based.
  [[nodiscard]] std::uint32_t position() const { return place_.index % place_.group_size; }
  /// What the member at `position` shares with the others; all words are 0 at first.
  [[nodiscard]] WorkerSlot& Member(std::uint32_t position) const {
    return memory_.slots()[place_.index - this->position() + position];
  }
  /// The sub-group's own word: a futex between processes.
  [[nodiscard]] std::atomic<std::uint32_t>& GroupWord() const { return Member(0).word; }
  /// The end this worker reads from, and the end that reaches the member at `position`.
  [[nodiscard]] int OwnPipe() const { return pipes_[position()].read_fd; }
  [[nodiscard]] int PipeTo(std::uint32_t position) const { return pipes_[position].write_fd; }
  /// All workers share its descriptor: give every access its own offset (pread, pwrite).
  [[nodiscard]] int disk() const { return disk_; }
  [[nodiscard]] const NicPair& nics() const { return nics_; }
  Xorshift64& rng() { return rng_; }

  /// Ends the worker: it cannot go on, and figures would be about something else than was asked for. `cause`
  /// goes into its report, which makes the run an ERROR.
  [[noreturn]] void Fail(const std::string& cause);
  /// Likewise, for a system call that failed: "CALL: the errno's text".
  [[noreturn]] void FailCall(const std::string& call);
  /// Sends the report, and does not return. Without one a failing worker just ends.
  void OnFailure(std::function<void(const std::string& cause)> send) { on_failure_ = std::move(send); }

 private:
  std::uint64_t EndSleep(std::uint64_t wanted_ns, std::uint64_t deadline_ns);
  [[nodiscard]] bool PartIsOver() const;

  const GroupMemory& memory_;
  Telemetry& telemetry_;
  WorkerPlace place_;
  std::vector<PipeEnds> pipes_;
  Xorshift64 rng_;
  int disk_;
  NicPair nics_;
  std::uint64_t part_end_ns_ = 0;  // 0: no part goes on
  std::function<void(const std::string& cause)> on_failure_;
};

}  // namespace ktstr
