// The account of one worker's time, kept by PID 1 from the outside: from its creation to the request to stop
// (or its death), cut into slices at every mark. It holds whatever the worker does or does not do: what the
// worker itself has to say comes from its slot of the group's memory, all else from the kernel.
//
// What is told and what is not:
// - A worker that sleeps by its own wish stands still by right: until the moment it named, or until it is
// woken.
//   For one that waits to be woken, the kernel's state says whether it was; that is looked at at marks and
//   now and then between them, so that waits which lie wholly between two looks are not gaps of the account
//   (they are in the run delay).
// - The kernel adds a wait to the run delay when it is over. One that goes on is bounded from above by the
// time
//   since the worker was last known to run or sleep, less the CPU time it got since.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "guest-init/wire/report.h"
#include "workloads/worker/group_memory.h"

namespace ktstr::guest {

/// What the kernel says of a task at one moment; counters are since its creation.
struct TaskLook {
  std::uint64_t cpu_ns = 0;
  bool schedstat = false;  // whether the next two were to be had
  std::uint64_t run_delay_ns = 0;
  std::uint64_t run_count = 0;
  TaskState state = TaskState::kUnknown;
  std::uint32_t cpu = 0;  // where it runs, or ran last
};

/// What a worker's cgroup says; counters are since whenever.
struct CgroupLook {
  std::uint64_t frozen_ns = 0;
  std::uint64_t throttled_ns = 0;
  std::vector<std::uint32_t> cpus;    // that its tasks may use, as far as known
  std::vector<std::uint32_t> let_in;  // in this slice, by the kernel itself
};

/// What the worker's slot says.
struct SlotLook {
  /// In the order that makes a gap that is just being written either seen or still going on.
  static SlotLook Read(const WorkerSlot& slot);

  std::uint64_t progress_ns = 0;
  std::uint64_t blocked_until_ns = kNotBlocked;
  SliceGap gap, longest;
  std::uint64_t gap_end_ns = 0, longest_end_ns = 0;
  std::uint64_t iterations = 0, work_units = 0;
};

struct Sight {
  std::uint64_t now_ns = 0;
  SlotLook slot;
  TaskLook task;
  CgroupLook cgroup;
  std::uint64_t machine_stopped_ns = 0;
  std::uint64_t frozen_since_progress_ns = 0;  // its cgroup, since the worker last made progress
};

/// Pure: what it is shown is all it knows. Times of what it is shown never go back.
class WorkerAccount {
 public:
  /// The first slice begins with the worker's creation, at `mark`. What the other two have counted by then is
  /// not the worker's.
  WorkerAccount(SliceMark mark, std::uint32_t phase, const CgroupLook& cgroup,
                std::uint64_t machine_stopped_ns);

  /// From here on the worker is to run.
  void Release(std::uint64_t now_ns) { released_ns_ = last_.now_ns = now_ns; }
  /// A look between marks.
  void Look(const Sight& sight);
  /// Ends the slice where the next one, of `phase`, begins.
  void Mark(const Sight& sight, SliceMark mark, std::uint32_t phase);
  /// Ends the life at `end_ns`.
  void End(const Sight& sight, std::uint64_t end_ns);
  [[nodiscard]] std::uint64_t released_ns() const { return released_ns_; }
  [[nodiscard]] bool ended() const { return ended_; }
  /// How long it had been waiting for a CPU when it was last looked at.
  [[nodiscard]] std::uint64_t waiting_ns() const { return last_.waiting_ns; }
  /// A look soon would tell how long it really waited.
  [[nodiscard]] bool suspected() const { return suspect_.has_value(); }

  /// The whole report. `own` is what the worker sent, or as much of a report as is known without it.
  /// REQUIRES: ended().
  [[nodiscard]] WorkerReport Write(WorkerReport own) const;

 private:
  /// Counters at one moment.
  struct Totals {
    std::uint64_t now_ns = 0, cpu_ns = 0, delay_ns = 0, run_count = 0, iterations = 0, work_units = 0;
    std::uint64_t frozen_ns = 0, throttled_ns = 0, machine_stopped_ns = 0;
    std::uint64_t accounted_ns = 0;  // of the delay: what the kernel has added up
    std::uint64_t waiting_ns = 0;    // of the delay: the wait that goes on
  };
  /// One that waits to be woken and was seen runnable: woken at begin_ns at the earliest.
  struct Suspect {
    std::uint64_t begin_ns = 0, accounted_ns = 0, cpu_ns = 0, progress_ns = 0;
  };
  struct Stretch {
    std::uint64_t ns = 0, end_ns = 0;
    std::uint32_t cpu = 0;
  };

  [[nodiscard]] std::optional<std::uint64_t> StandsSince(const Sight& sight) const;
  [[nodiscard]] std::uint64_t Waiting(const Sight& sight) const;
  void WatchSuspect(const Sight& sight);
  void Blame(std::uint64_t begin_ns, std::uint64_t end_ns, std::uint64_t most_ns, std::uint32_t cpu);
  void Cut(const Sight& sight, std::uint64_t end_ns);
  static void Raise(Stretch& longest, const Stretch& other);

  SliceMark mark_;
  std::uint32_t phase_ = 0;
  std::uint64_t created_ns_ = 0;
  std::uint64_t released_ns_ = 0;  // 0: not yet
  Totals begin_, last_;            // at the slice's begin, and at the last look
  std::uint64_t asleep_ns_ = 0;    // when it was last seen waiting to be woken, and what was accounted then
  std::uint64_t asleep_accounted_ns_ = 0;
  std::optional<Suspect> suspect_;
  Stretch longest_;
  Stretch slice_longest_;  // of the slice that goes on, as far as the worker does not tell itself
  std::vector<Stretch> longest_of_slices_;
  std::vector<PhaseSlice> slices_;
  bool schedstat_ = false;
  bool ended_ = false;
};

}  // namespace ktstr::guest
