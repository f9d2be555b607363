// What a worker that did not run was doing, and who had its CPU, in the words of messages.
#pragma once

#include <cstdint>
#include <string>

#include "interpreter/scenario/checks/run_facts.h"

namespace ktstr {

/// The longest time for which a worker stood still against its own wish and its author's, and what is known
/// of it. Times of which only a sum per slice is known count as if all of them lay in it.
struct Stall {
  std::uint64_t ms = 0;            // the whole gap
  std::uint64_t end_ms = 0;        // since the worker's creation
  std::uint64_t throttled_ms = 0;  // of it: its cgroup was throttled by cpu.max,
  std::uint64_t stopped_ms = 0;    // or nothing at all ran in the guest
  std::uint64_t waiting_ms = 0;    // of it: runnable without running
  std::uint64_t cpu_ms = 0;        // that it did run in the slices that the gap touches
  std::uint64_t ran_ms = 0;        // of the gap: that it did run, at least
  std::uint32_t cpu = 0;
  TaskState state = TaskState::kUnknown;  // at the end of the last of them
  std::uint32_t phase = kBetweenPhases;   // that most of it lies in

  /// What the scheduler has to answer for.
  [[nodiscard]] std::uint64_t BlamedMs() const { return ms > throttled_ms ? ms - throttled_ms : 0; }
  /// It had turns, a small part of the time, and finished no piece of its work in them: the scheduler did not
  /// forget it, and how long it waited for each turn is not known. One that ran most of the time and finished
  /// nothing hangs.
  [[nodiscard]] bool HadTurns() const { return ran_ms * 100 > ms && ran_ms * 2 < ms; }
};

/// Over its whole life, not cut at phase marks; of all gaps the one with the most to answer for.
Stall WorstStall(const WorkerReport& report);
/// What to tell of it: the part that lies in one phase, if that alone is more than `limit_ms` and most of it.
Stall WorthTelling(const WorkerReport& report, const Stall& worst, double limit_ms);

/// "was runnable for 700 ms on CPU 1 and never ran"; "was stopped by a signal for 700 ms"; "ran for 113 ms of
/// 1029 ms on CPU 1, too little to finish a piece of its work", or "and finished no piece of its work" when
/// it was most of the time; nothing when the kernel does not say more than that it made no progress.
std::string WhatItDid(const Stall& stall);
/// What else is known of why it did not run, to be put behind WhatItDid(); "" when nothing is:
/// - "; CPU 1 ran bully/0 (FIFO 50) for 99.8 % of it", by the CPU time of the run's other workers that were
/// on
///   that CPU only;
/// - "; scheduler mine: its own code held it, in no dispatch queue", of a worker that waited under a
/// scheduler
///   and was in a dump of it.
std::string WhyItDidNotRun(const RunFacts& run, const WorkerReport& report, const Stall& stall);
/// The same of a payload's task.
std::string WhyItDidNotRun(const RunFacts& run, const TaskWait& wait);

}  // namespace ktstr
