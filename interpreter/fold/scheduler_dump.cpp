#include "interpreter/fold/scheduler_dump.h"

#include <algorithm>
#include <charconv>

namespace ktstr {
namespace {

/// The number at the front of `text`, which is taken off.
template <typename T>
std::optional<T> TakeNumber(std::string_view& text, int base = 10) {
  T value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (fault != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

/// The CPU of "CPU 3   : nr_run=2 flags=0x0 ...".
std::optional<std::uint32_t> ReadCpu(std::string_view line) {
  if (!line.starts_with("CPU ")) return std::nullopt;
  line.remove_prefix(4);
  const auto cpu = TakeNumber<std::uint32_t>(line);
  return line.find(": nr_run=") != std::string_view::npos ? cpu : std::nullopt;
}

/// The pid and the time of "  R worker[68] -3052ms"; the name may hold anything.
std::optional<QueuedTask> ReadTask(std::string_view line) {
  if (line.size() < 4 || line[0] != ' ' || line[1] == ' ' || line[3] != ' ') {
    if (line.size() < 4 || line.substr(0, 2) != "  ") return std::nullopt;
  }
  const std::size_t close = line.rfind("] ");
  const std::size_t open = line.rfind('[', close);
  if (close == std::string_view::npos || open == std::string_view::npos || !line.ends_with("ms"))
    return std::nullopt;
  std::string_view pid = line.substr(open + 1, close - open - 1);
  std::string_view time = line.substr(close + 2);
  if (time.empty() || (time[0] != '-' && time[0] != '+')) return std::nullopt;
  const bool past = time[0] == '-';
  time.remove_prefix(1);
  QueuedTask task;
  const auto number = TakeNumber<std::int32_t>(pid);
  const auto ms = TakeNumber<std::uint64_t>(time);
  if (!number || !pid.empty() || !ms || time != "ms") return std::nullopt;
  task.pid = *number;
  task.waited_ms = past ? *ms : 0;
  return task;
}

}  // namespace

void SchedulerDumpReader::Take(std::string_view lines, std::uint32_t phase, std::vector<QueuedTask>& tasks) {
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    TakeLine(lines.substr(0, end), phase, tasks);
    if (end == std::string_view::npos) return;
    lines.remove_prefix(end + 1);
  }
}

void SchedulerDumpReader::TakeLine(std::string_view line, std::uint32_t phase,
                                   std::vector<QueuedTask>& tasks) {
  if (const auto cpu = ReadCpu(line)) {
    cpu_ = *cpu;
    task_.reset();
    return;
  }
  if (auto task = ReadTask(line)) {
    task_ = task;
    return;
  }
  constexpr std::string_view kQueue = " dsq_id=";
  const std::size_t at = line.find(kQueue);
  if (!task_ || at == std::string_view::npos) return;
  std::string_view id = line.substr(at + kQueue.size());
  task_->phase = phase;
  task_->cpu = cpu_;
  if (id.starts_with("0x")) {
    id.remove_prefix(2);
    task_->dsq = TakeNumber<std::uint64_t>(id, 16);
  }
  if (tasks.size() < kMaxTasks) tasks.push_back(*task_);
  task_.reset();
}

}  // namespace ktstr
