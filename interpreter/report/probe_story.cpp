#include "interpreter/report/probe_story.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "guest-init/base/units.h"
#include "interpreter/fold/stats.h"

namespace ktstr {
namespace {

using Names = std::span<const std::string_view>;
constexpr std::string_view kEnqueues[] = {"ops.enqueue", "do_enqueue_task", "enqueue_task_scx"};
constexpr std::string_view kSelects[] = {"ops.select_cpu"};
constexpr std::string_view kRuns[] = {"set_next_task_scx", "ops.running"};
constexpr std::string_view kStops[] = {"put_prev_task_scx"};
constexpr std::string_view kDequeues[] = {"dequeue_task_scx"};
constexpr std::string_view kDispatches[] = {"dispatch_enqueue", "scx_bpf_dispatch", "scx_bpf_dispatch_vtime",
                                            "scx_bpf_dsq_insert", "scx_bpf_dsq_insert_vtime"};
/// Without these it is not known whether a task was dispatched, or ran.
constexpr std::string_view kWitnesses[] = {"dispatch_enqueue", "set_next_task_scx"};

constexpr std::uint64_t kLongWaitMs = 1000;
constexpr std::uint32_t kNoPid = UINT32_MAX;

/// The last number in brackets: "lost[53] failed to run for 3.031s", "... not allowed for Bursty[46]".
std::optional<std::int32_t> PidIn(std::string_view message) {
  for (std::size_t open = message.rfind('['); open != std::string_view::npos;
       open = open == 0 ? std::string_view::npos : message.rfind('[', open - 1)) {
    const std::size_t close = message.find(']', open);
    std::int32_t pid = 0;
    const char* const last = message.data() + std::min(close, message.size());
    const auto [end, fault] = std::from_chars(message.data() + open + 1, last, pid);
    if (close != std::string_view::npos && fault == std::errc{} && end == last && pid > 0) return pid;
  }
  return std::nullopt;
}

bool WasEjected(const SchedulerRecord& record) {
  return record.end == SchedulerEnd::kError || record.end == SchedulerEnd::kStall ||
         record.end == SchedulerEnd::kExit;
}

std::string QueueText(std::uint64_t id) {
  // As the kernel numbers those that it makes itself.
  constexpr std::uint64_t kGlobal = 0x8000000000000001, kLocal = 0x8000000000000002;
  constexpr std::uint64_t kLocalOn = 0xc000000000000000;
  if (id == kGlobal) return "global";
  if (id == kLocal) return "local";
  if ((id & kLocalOn) == kLocalOn) return fmt::format("local of CPU {}", id & UINT32_MAX);
  return fmt::format("{:#x}", id);
}

/// The bits by their names, and what is left of them; or the value by its name.
std::string NamedText(const ProbeLog& log, std::string_view parameter, std::uint64_t value) {
  std::string text;
  for (const ProbeLog::Name& name : log.names) {
    if (name.parameter != parameter) continue;
    if (parameter == "kind" && name.value == value) return name.name;
    const bool bit = name.value != 0 && (name.value & (name.value - 1)) == 0;
    if (parameter == "kind" || !bit || (value & name.value) == 0) continue;
    text += (text.empty() ? "" : "|") + name.name;
    value &= ~name.value;
  }
  if (value != 0 || text.empty()) text += fmt::format("{}{:#x}", text.empty() ? "" : "|", value);
  return text;
}

bool HasNames(const ProbeLog& log, std::string_view parameter) {
  return std::any_of(log.names.begin(), log.names.end(),
                     [&](const ProbeLog::Name& name) { return name.parameter == parameter; });
}

std::string ValueText(const ProbeLog& log, const ProbeLog::Argument& argument, std::uint64_t raw) {
  const std::uint32_t spare = 64 - 8 * argument.bytes;
  const std::uint64_t value = raw << spare >> spare;
  switch (argument.kind) {
    case 't':
      return (raw & kNoPid) == kNoPid ? "none" : TaskText(log, static_cast<std::int32_t>(raw));
    case 'q':
      return QueueText(raw);
    case 'b':
      return (raw & 1) != 0 ? "true" : "false";
    case 'p':
      return fmt::format("{:#x}", raw);
    case 'r':
      return fmt::format("CPU {}", raw & UINT32_MAX);
    default:
      break;
  }
  if (argument.name == "dsq_id") return QueueText(value);
  if (argument.name == "slice" && value < INT64_MAX)
    return FormatDuration(Nanoseconds(static_cast<std::int64_t>(value)));
  if (HasNames(log, argument.name)) return NamedText(log, argument.name, value);
  if (argument.kind == 's') return fmt::format("{}", static_cast<std::int64_t>(raw << spare) >> spare);
  return value > INT64_MAX ? fmt::format("{:#x}", value) : fmt::format("{}", value);
}

bool IsOne(const ProbeLog& log, const ProbeLog::Event& event, Names names) {
  const std::string& name = log.functions[event.function].name;
  return std::find(names.begin(), names.end(), name) != names.end();
}

using Events = std::vector<ProbeLog::Event>;

/// The last of [begin, end) that is one of these; `end` when there is none.
Events::const_iterator LastOne(const ProbeLog& log, Events::const_iterator begin, Events::const_iterator end,
                               Names names) {
  for (auto at = end; at != begin;)
    if (IsOne(log, *--at, names)) return at;
  return end;
}

std::string At(const ProbeLog& log, const ProbeLog::Task& task, const ProbeLog::Event& event) {
  return fmt::format("{} on CPU {} at {}", CallText(log, task, event), event.cpu,
                     WhenText(log, event.at_ns, 3));
}

/// What followed the last enqueue.
std::string AfterEnqueue(const ProbeLog& log, const ProbeLog::Task& task, Events::const_iterator enqueue,
                         Events::const_iterator end) {
  const auto when = [&](const ProbeLog::Event& event) { return WhenText(log, event.at_ns, 3); };
  const auto after = enqueue + 1;
  if (const auto ran = LastOne(log, after, end, kRuns); ran != end) {
    const auto left = LastOne(log, ran, end, kStops);
    return fmt::format(", ran on CPU {} {} {}", ran->cpu, left == end ? "from" : "until",
                       when(left == end ? *ran : *left));
  }
  if (const auto left = LastOne(log, after, end, kDequeues); left != end)
    return fmt::format(", dequeued at {}", when(*left));
  const bool never = log.end_ns - enqueue->at_ns >= kLongWaitMs * 1'000'000;
  std::string unknown;
  for (const std::string_view witness : kWitnesses)
    if (unknown.empty() && !log.Probed(witness)) unknown = fmt::format("{} was not probed", witness);
  if (task.events.size() < std::min<std::uint64_t>(task.seen, ProbeLog::kMaxEvents))
    unknown = "some of its events were lost";
  const auto dispatched = LastOne(log, after, end, kDispatches);
  std::string text;
  if (dispatched != end)
    text = fmt::format(", {} at {}", CallText(log, task, *dispatched), when(*dispatched));
  if (!unknown.empty()) return text + "; what came then is not known: " + unknown;
  if (dispatched != end) return text + (never ? ", never run" : ", not run by then");
  return never ? ", never dispatched" : ", not dispatched by then";
}

}  // namespace

bool WorthProbing(const RunRecord& record) {
  return std::any_of(record.schedulers.begin(), record.schedulers.end(), WasEjected) ||
         (!record.schedulers.empty() &&
          std::any_of(record.queued_tasks.begin(), record.queued_tasks.end(),
                      [](const QueuedTask& task) { return task.waited_ms >= kLongWaitMs; }));
}

std::optional<std::int32_t> NamedTask(const RunRecord& record) {
  for (const SchedulerRecord& scheduler : record.schedulers)
    if (WasEjected(scheduler))
      if (const auto pid = PidIn(scheduler.message)) return pid;
  const auto longest =
      std::max_element(record.queued_tasks.begin(), record.queued_tasks.end(),
                       [](const QueuedTask& a, const QueuedTask& b) { return a.waited_ms < b.waited_ms; });
  if (longest == record.queued_tasks.end() || longest->waited_ms < kLongWaitMs) return std::nullopt;
  return longest->pid;
}

std::string TaskText(const ProbeLog& log, std::int32_t pid) {
  const ProbeLog::Task* const task = log.FindTask(pid);
  if (task == nullptr && pid != 0 && pid == log.self) return fmt::format("the probe[{}]", pid);
  return task == nullptr ? fmt::format("task {}", pid) : fmt::format("{}[{}]", task->comm, pid);
}

std::string CallText(const ProbeLog& log, const ProbeLog::Task& task, const ProbeLog::Event& event) {
  const ProbeLog::Function& function = log.functions[event.function];
  std::string arguments;
  for (std::size_t i = 0; i < function.arguments.size(); ++i) {
    const ProbeLog::Argument& argument = function.arguments[i];
    const std::uint64_t value = event.arguments[i];
    if (argument.kind == 't' && static_cast<std::int32_t>(value) == task.pid) continue;
    arguments +=
        fmt::format("{}{}={}", arguments.empty() ? "" : ", ", argument.name, ValueText(log, argument, value));
  }
  std::string text = fmt::format("{}({})", function.name, arguments);
  if (function.result.kind != '-' && function.how != "kprobe")
    text += " -> " + ValueText(log, function.result, event.result);
  return text;
}

std::string WhenText(const ProbeLog& log, std::uint64_t at_ns, int digits) {
  const bool before = at_ns <= log.end_ns;
  const std::uint64_t distance = before ? log.end_ns - at_ns : at_ns - log.end_ns;
  return fmt::format("{}{:.{}f} s", before ? '-' : '+', static_cast<double>(distance) / 1e9, digits);
}

std::string EndText(const ProbeLog& log) {
  if (!log.unable.empty()) return "This kernel cannot be probed: " + log.unable + ".";
  if (!log.complete || log.end == ProbeLog::End::kNone)
    return "The probe's output broke off: the guest or the run ended before it.";
  switch (log.end) {
    case ProbeLog::End::kEjected:
      return fmt::format("The kernel ejected the scheduler ({}).", NamedText(log, "kind", log.kind));
    case ProbeLog::End::kDetached:
      return "The kernel did not eject the scheduler; it was detached.";
    default:
      return "The run ended while the scheduler was attached.";
  }
}

std::string LastOf(const ProbeLog& log, std::int32_t pid) {
  const ProbeLog::Task* const task = log.FindTask(pid);
  if (task == nullptr || task->events.empty())
    return fmt::format("{}: nothing was noted of it{}", TaskText(log, pid),
                       log.lost > 0 ? ", as there was no room" : "");
  // What came later is of the kernel's own doing.
  const auto end = std::find_if(task->events.begin(), task->events.end(),
                                [&](const ProbeLog::Event& event) { return event.at_ns > log.end_ns; });
  if (end == task->events.begin())
    return TaskText(log, pid) + ": nothing was kept of what happened to it before";
  const auto enqueue = LastOne(log, task->events.begin(), end, kEnqueues);
  if (enqueue == end) return TaskText(log, pid) + ": " + At(log, *task, *(end - 1));
  std::string text = TaskText(log, pid) + ": ";
  if (const auto select = LastOne(log, task->events.begin(), enqueue, kSelects);
      select != enqueue && LastOne(log, select, enqueue, kRuns) == enqueue)
    text += CallText(log, *task, *select) + ", ";
  return text + At(log, *task, *enqueue) + AfterEnqueue(log, *task, enqueue, end);
}

}  // namespace ktstr
