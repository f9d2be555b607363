#include "vmm/introspection/task_field.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

namespace ktstr::vmm {
namespace {

constexpr std::uint64_t kTaskDead = 0x80;
constexpr int kWalks = 3;
constexpr std::string_view kAdvice =
    "use a work type that blocks, so that the task sleeps when it is written";

/// The members of task_struct and signal_struct that finding a task takes.
struct TaskPaths {
  MemberPath tasks, thread_node, signal, pid, thread_head;
};
Result<TaskPaths> FindPaths(const Btf& btf) {
  TaskPaths paths;
  paths.tasks = TRY(btf.Path("task_struct.tasks"));
  paths.thread_node = TRY(btf.Path("task_struct.thread_node"));
  paths.signal = TRY(btf.Path("task_struct.signal"));
  paths.pid = TRY(btf.Path("task_struct.pid"));
  paths.thread_head = TRY(btf.Path("signal_struct.thread_head"));
  return paths;
}

/// One walk over all threads of all processes but init_task's own (the idle tasks).
class TaskSearch {
 public:
  TaskSearch(const KernelView& view, const TaskPaths& paths, std::int32_t pid)
      : view_(view), paths_(paths), pid_(static_cast<std::uint32_t>(pid)) {}

  /// The task_struct, or nothing. Errors: the list's end was not found.
  Result<std::optional<std::uint64_t>> Run(std::uint64_t init_task) {
    const std::uint64_t head = init_task + paths_.tasks.offset;
    std::optional<std::uint64_t> node = view_.Load<std::uint64_t>(head);
    for (; node && *node != head; node = view_.Load<std::uint64_t>(*node)) {
      const auto found = TRY(SearchProcess(*node - paths_.tasks.offset));
      if (found) return found;
      TRY(Count());
    }
    if (!node) return Broken("at an address that cannot be read");
    return std::optional<std::uint64_t>();
  }
  [[nodiscard]] std::size_t seen() const { return seen_; }

 private:
  Result<std::optional<std::uint64_t>> SearchProcess(std::uint64_t leader) {
    const auto signal = view_.LoadField(leader, paths_.signal);
    if (!signal) return Broken("at a task that cannot be read");
    // Threads that are gone (the leader's signal_struct is no more) leave nothing to look at.
    const std::uint64_t head = *signal + paths_.thread_head.offset;
    std::optional<std::uint64_t> node = *signal == 0 ? head : view_.Load<std::uint64_t>(head);
    for (; node && *node != head; node = view_.Load<std::uint64_t>(*node)) {
      const std::uint64_t task = *node - paths_.thread_node.offset;
      const auto pid = view_.LoadField(task, paths_.pid);
      if (pid && static_cast<std::uint32_t>(*pid) == pid_) return std::optional(task);
      TRY(Count());
    }
    if (!node) return Broken("at a thread that cannot be read");
    return std::optional<std::uint64_t>();
  }

  Result<> Count() {
    if (++seen_ < kMaxTaskNodes) return {};
    return Broken(fmt::format("within {} nodes", kMaxTaskNodes));
  }
  static Error Broken(std::string_view where) {
    return {ErrorKind::kGuest,
            fmt::format("the guest's task list does not come to its end: it breaks off {}", where)};
  }

  const KernelView& view_;
  const TaskPaths& paths_;
  std::uint32_t pid_;
  std::size_t seen_ = 0;
};

Error Layer(const TaskTarget& target, std::string_view layer, std::string_view seen,
            std::string_view advice) {
  return {ErrorKind::kInput, fmt::format("task {}: {}: {}; {}", target.pid, layer, seen, advice)};
}

Result<std::uint64_t> FindByPid(const KernelView& view, const TaskTarget& target) {
  const TaskPaths paths = TRY(FindPaths(view.btf()));
  const std::uint64_t init_task = TRY(view.Symbol("init_task"));
  Result<std::optional<std::uint64_t>> found = std::optional<std::uint64_t>();
  std::size_t seen = 0;
  for (int walk = 0; walk < kWalks; ++walk) {
    TaskSearch search(view, paths, target.pid);
    found = search.Run(init_task);
    if (found && *found) return **found;
    seen = search.seen();
  }
  if (!found) return found.error();
  return Layer(target, "pid", fmt::format("none of the guest's {} tasks has it", seen),
               "it has ended, or is the pid of another pid namespace");
}

/// A member of the task that the layers need.
class TaskReader {
 public:
  TaskReader(const KernelView& view, std::uint64_t task, const TaskTarget& target)
      : view_(view), task_(task), target_(target) {}

  Result<std::uint64_t> Load(std::string_view member) const {
    const MemberPath path = TRY(view_.btf().Path(fmt::format("task_struct.{}", member)));
    const auto value = view_.LoadField(task_, path);
    if (value) return *value;
    return Error{ErrorKind::kGuest, fmt::format("task {}: {} cannot be read", target_.pid, member)};
  }
  Result<std::uint64_t> AddressOf(std::string_view member) const {
    const MemberPath path = TRY(view_.btf().Path(fmt::format("task_struct.{}", member)));
    return task_ + path.offset;
  }

 private:
  const KernelView& view_;
  std::uint64_t task_;
  const TaskTarget& target_;
};

// Layers 2 and 3. /proc shows start_boottime, not start_time: the two are read one after the other when a
// task is made, so they may lie on different sides of a tick.
Result<> CheckIdentity(const TaskReader& task, const TaskTarget& target) {
  const std::uint64_t start = TRY(task.Load("start_boottime"));
  const std::uint64_t expected = target.expected_start_time_ns;
  if (start < expected || start - expected >= kStartTimeTickNs)
    return Layer(
        target, "start time",
        fmt::format("it started at {} ns, not within 10 ms from {} ns on", start, expected),
        "the pid is another task's by now, or the time is not field 22 of /proc/PID/stat times 10000000");
  const std::uint64_t state = TRY(task.Load("__state"));
  if ((state & kTaskDead) != 0)
    return Layer(target, "alive", fmt::format("__state is {:#x}, which has TASK_DEAD", state),
                 "it is ending");
  return {};
}

// Layers 4, 5 and 6: nothing of the kernel's scheduler looks at the task's fields while they are written.
Result<> CheckDetached(const KernelView& view, const TaskReader& task, const TaskTarget& target) {
  const std::uint64_t on_rq = TRY(task.Load("on_rq"));
  if (on_rq != 0) return Layer(target, "not queued", fmt::format("on_rq is {}", on_rq), kAdvice);
  if (!view.btf().Path("task_struct.scx").ok() || !view.facts().symbols->Find("ext_sched_class"))
    return Layer(target, "sched_ext", "this kernel has no sched_ext",
                 "only tasks of sched_ext can be written; take a kernel with CONFIG_SCHED_CLASS_EXT");
  const std::uint64_t dsq = TRY(task.Load("scx.dsq"));
  if (dsq != 0) return Layer(target, "no DSQ", fmt::format("scx.dsq is {:#x}", dsq), kAdvice);
  const std::uint64_t node = TRY(task.AddressOf("scx.runnable_node"));
  const std::uint64_t next = TRY(task.Load("scx.runnable_node.next"));
  if (next != 0 && next != node)
    return Layer(target, "no DSQ", fmt::format("scx.runnable_node is in a list ({:#x})", next), kAdvice);
  const std::uint64_t sched_class = TRY(task.Load("sched_class"));
  const std::uint64_t ext = TRY(view.Symbol("ext_sched_class"));
  if (sched_class != ext)
    return Layer(target, "sched_ext", fmt::format("sched_class is {}", view.Symbolize(sched_class)),
                 "only tasks of sched_ext can be written; attach a scheduler first");
  return {};
}

}  // namespace

Result<std::uint64_t> FindTask(const KernelView& view, const TaskTarget& target, KernelIntent intent) {
  const std::uint64_t address = TRY(FindByPid(view, target));
  const TaskReader task(view, address, target);
  TRY(CheckIdentity(task, target));
  if (intent == KernelIntent::kWrite) TRY(CheckDetached(view, task, target));
  if (TRY(task.Load("start_boottime")) == 0)
    return Layer(target, "complete", "start_boottime is 0", "it is still being made");
  return address;
}

}  // namespace ktstr::vmm
