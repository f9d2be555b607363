// Reads what sched_ext dumps of CPUs and tasks (kernel/sched/ext.c, scx_dump_state).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/fold/scheduler_record.h"

namespace ktstr {

/// Takes a dump in as it comes, in pieces of whole lines. What is not as the kernel writes it is passed over:
/// a scheduler may add lines of its own.
class SchedulerDumpReader {
 public:
  /// Of the tasks found, so many are kept.
  static constexpr std::size_t kMaxTasks = 4096;

  /// Adds the tasks that were runnable; `phase` is the last one that had begun.
  void Take(std::string_view lines, std::uint32_t phase, std::vector<QueuedTask>& tasks);

 private:
  void TakeLine(std::string_view line, std::uint32_t phase, std::vector<QueuedTask>& tasks);

  std::uint32_t cpu_ = 0;
  std::optional<QueuedTask> task_;  // whose queue is still to come
};

}  // namespace ktstr
